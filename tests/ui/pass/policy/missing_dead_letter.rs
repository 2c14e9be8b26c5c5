//! A stage rejects records, and they are kept.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[derive(Debug, thiserror::Error, StageError)]
pub enum CleanError {
    #[error("the number is negative")]
    #[on_error(reject)]
    Negative,
}

#[extractor]
fn read() -> Vec<Raw> {
    vec![]
}

mod stages {
    use super::*;

    #[filter]
    pub fn positive(raw: &Raw) -> Result<bool, CleanError> {
        if raw.number < 0 { Err(CleanError::Negative) } else { Ok(true) }
    }
}

#[loader]
fn load(_: &[Raw]) {}

pipeline! {
    Job {
        flow: read => stages::positive => load,
        dead_letter: file("rejects.jsonl"),
    }
}

fn main() {}
