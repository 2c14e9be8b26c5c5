//! A rate by the second.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[transform(concurrency = 8, rate = "100/s")]
async fn ask(raw: Raw) -> Raw {
    raw
}

fn main() {}
