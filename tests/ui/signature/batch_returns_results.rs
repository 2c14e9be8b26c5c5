//! A batch transform returns a list of results.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[derive(Debug, thiserror::Error, StageError)]
enum CleanError {
    #[error("the number is negative")]
    #[on_error(skip)]
    Negative,
}

fn tidy(raw: Raw) -> Result<Raw, CleanError> {
    if raw.number < 0 { Err(CleanError::Negative) } else { Ok(raw) }
}

#[transform]
fn clean(raws: Vec<Raw>) -> Vec<Result<Raw, CleanError>> {
    raws.into_iter().map(tidy).collect()
}

fn main() {}
