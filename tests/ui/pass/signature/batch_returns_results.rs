//! The outcomes of a batch are collected into a `Batch`.
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
fn clean(raws: Vec<Raw>) -> Batch<Raw, CleanError> {
    raws.into_iter().map(tidy).collect::<Batch<_, _>>()
}

fn main() {}
