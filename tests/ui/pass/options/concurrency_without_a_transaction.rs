//! Several calls at once, in the stage before a loader that takes no transaction.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[transform(concurrency = 2)]
async fn send(raw: Raw) -> Raw {
    raw
}

#[loader]
async fn load(_: &[Raw]) {}

fn main() {}
