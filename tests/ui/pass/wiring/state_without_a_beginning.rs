//! State whose first value is that there is none.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[transform]
fn clock(raw: Raw, last: &mut Option<std::time::Instant>) -> Raw {
    *last = Some(std::time::Instant::now());
    raw
}

fn main() {}
