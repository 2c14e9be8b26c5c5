//! The key of a loader is no field of its record.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[loader(idempotent(key = nummber))]
fn load(_: &[Raw]) {}

fn main() {}
