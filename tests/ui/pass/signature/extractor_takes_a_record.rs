//! An extractor that takes nothing.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[extractor]
fn read() -> Vec<Raw> {
    vec![Raw { number: 1 }]
}

fn main() {}
