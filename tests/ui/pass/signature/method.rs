//! A function outside of the `impl` block takes what it needs as a resource.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

struct Cleaner;

#[transform]
fn same(raw: Raw, _: &Cleaner) -> Raw {
    raw
}

fn main() {}
