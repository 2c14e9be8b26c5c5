//! A transform without a record.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[transform]
fn same() -> Raw {
    Raw { number: 1 }
}

fn main() {}
