//! A text is made an error that stops the run.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[transform]
fn check(raw: Raw) -> Result<Raw> {
    if raw.number < 0 { Err(Error::msg("negative")) } else { Ok(raw) }
}

fn main() {}
