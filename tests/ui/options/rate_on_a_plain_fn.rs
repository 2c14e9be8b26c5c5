//! A function that computes, kept to a rate.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[transform(parallel, rate = "100/s")]
fn same(raw: Raw) -> Raw {
    raw
}

fn main() {}
