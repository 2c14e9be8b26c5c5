//! What a transform returns is a record.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[derive(Record)]
struct Number {
    number: i64,
}

#[transform]
fn number(raw: Raw) -> Number {
    Number { number: raw.number }
}

fn main() {}
