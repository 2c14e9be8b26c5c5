//! A timeout with its unit.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[transform(timeout = "30s")]
async fn same(raw: Raw) -> Raw {
    raw
}

fn main() {}
