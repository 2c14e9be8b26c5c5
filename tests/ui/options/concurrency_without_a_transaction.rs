//! Several transactions at once in a loader that takes none.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[loader(concurrency = 2)]
async fn load(_: &[Raw]) {}

fn main() {}
