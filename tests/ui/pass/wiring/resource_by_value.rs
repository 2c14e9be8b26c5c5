//! A stage borrows a resource.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

pub struct Index;

#[transform]
fn clean(raw: Raw, _index: &Index) -> Raw {
    raw
}

fn main() {}
