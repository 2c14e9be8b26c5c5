//! Nothing that can happen in the stage is worth another try.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[derive(Debug, thiserror::Error, StageError)]
enum CleanError {
    #[error("the number is negative")]
    #[on_error(reject)]
    Negative,
}

#[transform(retries = 3)]
fn check(raw: &Raw) -> Result<Option<Raw>, CleanError> {
    if raw.number < 0 { Err(CleanError::Negative) } else { Ok(None) }
}

fn main() {}
