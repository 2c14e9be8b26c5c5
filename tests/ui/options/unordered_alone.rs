//! The order of records may be lost, where nothing is done side by side.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[transform(unordered)]
fn same(raw: Raw) -> Raw {
    raw
}

fn main() {}
