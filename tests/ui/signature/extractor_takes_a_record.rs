//! An extractor that takes a record.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[extractor]
fn read(raw: Raw) -> Vec<Raw> {
    vec![raw]
}

fn main() {}
