//! The error of a loader has no classes.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[loader]
fn load(_: &[Raw]) -> Result<(), std::num::ParseIntError> {
    Ok(())
}

fn main() {}
