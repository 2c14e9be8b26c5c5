//! A batch of at least one record, by a constant.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

const BATCH: usize = 1;

#[loader(batch = BATCH)]
fn load(_: &[Raw]) {}

fn main() {}
