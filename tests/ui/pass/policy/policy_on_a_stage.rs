//! A policy of the whole pipeline, said of it.
use etl_core::prelude::*;

#[derive(Debug, thiserror::Error, StageError)]
pub enum CleanError {
    #[error("the number is negative")]
    #[on_error(reject)]
    Negative,
}

#[derive(Record)]
pub struct Raw {
    number: i64,
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
        dead_letter: file("rejects.jsonl"),
    }
}

fn main() {}
