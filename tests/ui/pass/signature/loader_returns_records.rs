//! A loader that returns nothing.
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
