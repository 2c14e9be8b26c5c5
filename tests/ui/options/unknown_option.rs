//! A misspelt option.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[transform(paralell)]
fn same(raw: Raw) -> Raw {
    raw
}

fn main() {}
