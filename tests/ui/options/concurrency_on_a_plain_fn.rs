//! Several calls at once of a function that does not wait.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[transform(concurrency = 8)]
fn same(raw: Raw) -> Raw {
    raw
}

fn main() {}
