//! A rate that says in what time.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[extractor(rate = "100/s")]
fn read() -> Vec<Raw> {
    Vec::new()
}

fn main() {}
