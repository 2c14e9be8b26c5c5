//! A text is wrapped in a record.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[derive(Record)]
struct Line {
    text: String,
}

#[transform]
fn clean(raw: Raw) -> Line {
    Line { text: raw.number.to_string() }
}

fn main() {}
