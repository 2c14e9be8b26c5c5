//! A filter that returns something else than `bool`.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[filter]
fn positive(raw: &Raw) -> Option<bool> {
    Some(raw.number > 0)
}

fn main() {}
