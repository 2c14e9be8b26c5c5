//! A batch of no records, by a constant.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

const BATCH: usize = 0;

#[loader(batch = BATCH)]
fn load(_: &[Raw]) {}

fn main() {}
