//! A batch of no records.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[loader(batch = 0)]
fn load(_: &[Raw]) {}

fn main() {}
