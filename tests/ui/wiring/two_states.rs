//! A transform with two states.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[transform]
fn rising(raw: Raw, last: &mut i64, count: &mut u64) -> Option<Raw> {
    *count += 1;
    let rises = raw.number > *last;
    *last = raw.number;
    rises.then_some(raw)
}

fn main() {}
