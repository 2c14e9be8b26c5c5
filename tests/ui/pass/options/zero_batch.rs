//! A batch of at least one record.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[loader(batch = 1)]
fn load(_: &[Raw]) {}

fn main() {}
