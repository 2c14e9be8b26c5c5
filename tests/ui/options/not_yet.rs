//! An option of a later version.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[transform(compensate = undo)]
fn same(raw: Raw) -> Raw {
    raw
}

fn main() {}
