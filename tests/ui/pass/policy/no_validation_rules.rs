//! `validate` on a record that has rules.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

impl etl_core::stage::Rules for Raw {
    type Context = ();

    fn check(&self, (): &()) -> Result<(), etl_core::stage::Violations> {
        Ok(())
    }
}

#[transform(validate(output), invalid = skip)]
fn same(raw: Raw) -> Raw {
    raw
}

fn main() {}
