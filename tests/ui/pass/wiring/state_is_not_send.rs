//! The state of a stage can move to another thread.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[derive(Default)]
pub struct Seen {
    last: std::sync::Arc<i64>,
}

#[transform]
fn rising(raw: Raw, seen: &mut Seen) -> Option<Raw> {
    let rises = raw.number > *seen.last;
    seen.last = raw.number.into();
    rises.then_some(raw)
}

fn main() {}
