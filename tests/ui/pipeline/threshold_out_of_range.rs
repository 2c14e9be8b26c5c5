//! A threshold of more than all records.
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

#[extractor]
fn read() -> Vec<Raw> {
    vec![]
}

#[filter]
fn positive(raw: &Raw) -> Result<bool, CleanError> {
    if raw.number < 0 { Err(CleanError::Negative) } else { Ok(true) }
}

#[loader]
fn load(_: &[Raw]) {}

pipeline! {
    Job {
        flow: read => positive => load,
        error_threshold: 150%,
    }
}

fn main() {}
