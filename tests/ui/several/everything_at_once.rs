//! All mistakes of one macro call are reported together. errors: 6
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

#[transform(concurency = 8, batch = "500", timeout = "1 fortnight", backoff = "1s")]
async fn same(raw: Raw) -> Raw {
    raw
}

pipeline! {
    Job {
        error_threshold: 0%,
        delivery: twice,
        flow: read => same => load,
    }
}

fn main() {}
