//! A timeout without a unit.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[transform(timeout = 30)]
async fn same(raw: Raw) -> Raw {
    raw
}

fn main() {}
