//! State of which the engine cannot make the first value.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[transform]
fn clock(raw: Raw, last: &mut std::time::Instant) -> Raw {
    *last = std::time::Instant::now();
    raw
}

fn main() {}
