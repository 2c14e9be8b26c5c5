//! What an extractor returns yields records.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[extractor]
fn read() -> Result<Vec<Raw>> {
    Ok(vec![Raw { number: 1 }])
}

fn main() {}
