//! The error of an extractor has no classes.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[extractor]
fn read() -> Result<Vec<Raw>, std::num::ParseIntError> {
    Ok(vec![])
}

fn main() {}
