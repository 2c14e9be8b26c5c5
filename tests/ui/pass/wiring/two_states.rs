//! A transform keeps two things in one state.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[derive(Default)]
pub struct Seen {
    last: i64,
    count: u64,
}

#[transform]
fn rising(raw: Raw, seen: &mut Seen) -> Option<Raw> {
    seen.count += 1;
    let rises = raw.number > seen.last;
    seen.last = raw.number;
    rises.then_some(raw)
}

fn main() {}
