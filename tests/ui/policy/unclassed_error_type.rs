//! The error of a transform has no classes.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[transform]
fn parse(raw: Raw) -> Result<Raw, std::num::ParseIntError> {
    Ok(raw)
}

fn main() {}
