//! The key of a loader is a field of its record.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[loader(idempotent(key = number))]
fn load(_: &[Raw]) {}

fn main() {}
