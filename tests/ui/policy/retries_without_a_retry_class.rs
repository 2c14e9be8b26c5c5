//! A stage is to be tried again, but none of its errors is classed so.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[derive(Debug, thiserror::Error, StageError)]
enum CleanError {
    #[error("the registry is away")]
    #[on_error(fail)]
    Away,
}

#[transform(retries = 3)]
fn check(raw: &Raw) -> Result<Raw, CleanError> {
    Ok(Raw { number: raw.number })
}

fn main() {}
