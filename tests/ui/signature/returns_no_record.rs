//! What a transform returns is no record.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[transform]
fn number(raw: Raw) -> i64 {
    raw.number
}

fn main() {}
