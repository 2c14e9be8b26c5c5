//! A function with two roles.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[transform]
#[filter]
fn same(raw: Raw) -> Raw {
    raw
}

fn main() {}
