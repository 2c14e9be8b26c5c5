//! `validate` on a record that has no rules.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[transform(validate(output), invalid = skip)]
fn same(raw: Raw) -> Raw {
    raw
}

fn main() {}
