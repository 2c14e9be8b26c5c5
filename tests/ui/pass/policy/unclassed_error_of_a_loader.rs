//! The error of a loader has a class: without one of its own it stops the run.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[loader]
fn load(_: &[Raw]) -> Result<()> {
    Ok(())
}

fn main() {}
