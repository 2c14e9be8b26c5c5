//! A flag.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[transform(parallel)]
fn same(raw: Raw) -> Raw {
    raw
}

fn main() {}
