//! Nothing is wrong any more.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[extractor]
fn read() -> Vec<Raw> {
    vec![]
}

#[loader]
fn load(_: &[Raw]) {}

#[transform(concurrency = 8, batch = 500, timeout = "1h")]
async fn same(raw: Raw) -> Raw {
    raw
}

pipeline! {
    Job {
        error_threshold: 1%,
        delivery: at_least_once,
        flow: read => same => load,
    }
}

fn main() {}
