//! The attribute of a stage on a function.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[transform]
fn clean(raw: Raw) -> Raw {
    raw
}

fn main() {}
