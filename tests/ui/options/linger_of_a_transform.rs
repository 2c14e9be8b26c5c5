//! A transform that waits for a full batch.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[transform(batch = 100, linger = "5s")]
fn same(raws: Vec<Raw>) -> Batch<Raw> {
    raws.into_iter().map(Ok).collect()
}

fn main() {}
