//! A batch transform that loses which record became what.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[transform]
fn same(raw: Vec<Raw>) -> Vec<Raw> {
    raw
}

fn main() {}
