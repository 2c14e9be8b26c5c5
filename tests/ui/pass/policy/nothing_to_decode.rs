//! What happens to a malformed record, where no record is decoded.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[extractor]
fn read() -> Vec<Raw> {
    vec![]
}

fn main() {}
