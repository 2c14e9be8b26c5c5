//! Several workers share `&mut` state.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[transform(parallel)]
fn count(raw: Raw, seen: &mut u64) -> Raw {
    *seen += 1;
    raw
}

fn main() {}
