//! An extractor that waits for a full batch.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[extractor(batch = 100, linger = "5s")]
fn read() -> Vec<Raw> {
    Vec::new()
}

#[transform(batch = 100)]
fn same(raws: Vec<Raw>) -> Batch<Raw> {
    raws.into_iter().map(Ok).collect()
}

fn main() {}
