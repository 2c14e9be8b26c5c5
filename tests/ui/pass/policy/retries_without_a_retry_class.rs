//! A stage is tried again, because of an error that is classed so.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[derive(Debug, thiserror::Error, StageError)]
enum CleanError {
    #[error("the registry is away")]
    #[on_error(retry)]
    Away,
}

#[transform(retries = 3)]
fn check(raw: &Raw) -> Result<Raw, CleanError> {
    Ok(Raw { number: raw.number })
}

fn main() {}
