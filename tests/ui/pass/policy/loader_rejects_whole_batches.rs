//! A loader that takes one record rejects that record.
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

#[loader]
fn load(_: &Raw) -> Result<(), CleanError> {
    Ok(())
}

fn main() {}
