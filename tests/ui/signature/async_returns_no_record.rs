//! What an `async` transform returns is no record.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[transform]
async fn number(raw: Raw) -> Option<i64> {
    Some(raw.number)
}

fn main() {}
