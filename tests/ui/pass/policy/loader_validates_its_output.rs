//! A loader validates what goes into it.
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

#[loader(validate(input))]
fn load(_: &[Raw]) {}

fn main() {}
