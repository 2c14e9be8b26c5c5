//! What an `async` transform returns is a record.
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
async fn number(raw: Raw) -> Option<Number> {
    Some(Number { number: raw.number })
}

fn main() {}
