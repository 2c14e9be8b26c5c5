//! A stage that cannot fail is not tried again.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[transform]
fn same(raw: &Raw) -> Raw {
    Raw { number: raw.number }
}

fn main() {}
