//! A filter that returns `bool`.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[filter]
fn positive(raw: &Raw) -> bool {
    raw.number > 0
}

fn main() {}
