//! A function that calls somebody else, kept to a rate.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[transform(rate = "100/s")]
async fn same(raw: Raw) -> Raw {
    raw
}

fn main() {}
