//! The error of an extractor has a class: without one of its own it stops the run.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[extractor]
fn read() -> Result<Vec<Raw>> {
    Ok(vec![])
}

fn main() {}
