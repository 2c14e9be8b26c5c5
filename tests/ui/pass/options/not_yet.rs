//! Without the option of a later version.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[transform]
fn same(raw: Raw) -> Raw {
    raw
}

fn main() {}
