//! A filter keeps state, which only a transform can.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[filter]
fn rising(raw: &Raw, last: &mut i64) -> bool {
    let rises = raw.number > *last;
    *last = raw.number;
    rises
}

fn main() {}
