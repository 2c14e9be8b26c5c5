//! The stage cannot fail, and is to be tried again.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[transform(retries = 3)]
fn same(raw: &Raw) -> Option<Raw> {
    let _ = raw;
    None
}

fn main() {}
