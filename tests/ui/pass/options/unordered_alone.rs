//! The order of records may be lost, where several are worked on at once.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[transform(parallel, unordered)]
fn same(raw: Raw) -> Raw {
    raw
}

fn main() {}
