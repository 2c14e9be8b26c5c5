//! Records are to be validated, and nobody says which.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

impl etl_core::stage::Rules for Raw {
    type Context = ();

    fn check(&self, _: &()) -> Result<(), etl_core::stage::Violations> {
        Ok(())
    }
}

#[transform(validate)]
fn same(raw: Raw) -> Raw {
    raw
}

fn main() {}
