//! A duration without a unit.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[loader(timeout = 30)]
async fn load(_: &[Raw]) {}

fn main() {}
