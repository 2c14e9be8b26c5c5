//! A transform keeps state, and returns what goes on.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[transform]
fn rising(raw: Raw, last: &mut i64) -> Option<Raw> {
    let rises = raw.number > *last;
    *last = raw.number;
    rises.then_some(raw)
}

fn main() {}
