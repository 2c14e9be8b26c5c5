//! An option is given twice.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[loader(batch = 500, batch = 1_000)]
fn load(_: &[Raw]) {}

fn main() {}
