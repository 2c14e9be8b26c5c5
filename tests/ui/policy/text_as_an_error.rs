//! A text is returned as an error.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[transform]
fn check(raw: Raw) -> Result<Raw, String> {
    if raw.number < 0 { Err("negative".to_owned()) } else { Ok(raw) }
}

fn main() {}
