//! A duration with its unit.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[loader(timeout = "30s")]
async fn load(_: &[Raw]) {}

fn main() {}
