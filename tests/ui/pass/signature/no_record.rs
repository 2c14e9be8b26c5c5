//! A transform of a record.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[transform]
fn same(raw: Raw) -> Raw {
    raw
}

fn main() {}
