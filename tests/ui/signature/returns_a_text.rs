//! A transform returns a text, which is no record.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[transform]
fn clean(raw: Raw) -> String {
    raw.number.to_string()
}

fn main() {}
