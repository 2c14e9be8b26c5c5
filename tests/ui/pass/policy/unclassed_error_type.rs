//! The error of a transform has a class: without one of its own it stops the run.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[transform]
fn parse(raw: Raw) -> Result<Raw> {
    Ok(raw)
}

fn main() {}
