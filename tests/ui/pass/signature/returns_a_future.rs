//! A function that waits is an `async fn`.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[transform]
async fn clean(raw: Raw) -> Result<Raw> {
    Ok(raw)
}

fn main() {}
