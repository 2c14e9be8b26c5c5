//! A stage that is `unsafe`.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[transform]
unsafe fn same(raw: Raw) -> Raw {
    raw
}

fn main() {}
