//! A stage that cannot fail is to be tried again.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[transform(retries = 3)]
fn same(raw: &Raw) -> Raw {
    Raw { number: raw.number }
}

fn main() {}
