//! A stage that validates nothing.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[transform]
fn clean(raw: Raw) -> Raw {
    raw
}

fn main() {}
