//! An option, well spelt.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[transform(parallel)]
fn same(raw: Raw) -> Raw {
    raw
}

fn main() {}
