//! A rate by a unit that there is not.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[transform(concurrency = 8, rate = "100 per second")]
async fn ask(raw: Raw) -> Raw {
    raw
}

fn main() {}
