//! A loader that returns how many records it wrote.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[loader]
fn load(_: &[Raw]) -> Result<u64> {
    Ok(0)
}

fn main() {}
