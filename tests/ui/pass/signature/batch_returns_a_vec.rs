//! A batch transform that says which record became what.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[transform]
fn same(raw: Vec<Raw>) -> Batch<Raw> {
    raw.into_iter().collect()
}

fn main() {}
