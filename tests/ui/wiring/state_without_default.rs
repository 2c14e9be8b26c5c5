//! The state of a stage has no value to begin with.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

pub struct Seen {
    last: i64,
}

#[transform]
fn rising(raw: Raw, seen: &mut Seen) -> Option<Raw> {
    let rises = raw.number > seen.last;
    seen.last = raw.number;
    rises.then_some(raw)
}

fn main() {}
