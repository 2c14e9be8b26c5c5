//! What an extractor returns yields no records.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[extractor]
fn read() -> Result<Raw> {
    Ok(Raw { number: 1 })
}

fn main() {}
