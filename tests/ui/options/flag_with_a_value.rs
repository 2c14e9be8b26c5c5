//! A flag with a value.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[transform(parallel = true)]
fn same(raw: Raw) -> Raw {
    raw
}

fn main() {}
