//! A batch fails with the error type of its records.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[derive(Debug, thiserror::Error, StageError)]
pub enum RecordError {
    #[error("the number is negative")]
    #[on_error(skip)]
    Negative,
}

#[derive(Debug, thiserror::Error, StageError)]
pub enum CallError {
    #[error("the service is away")]
    #[on_error(fail)]
    Away,
}

#[transform(batch = 100)]
fn clean(raws: Vec<Raw>) -> Result<Batch<Raw, RecordError>, RecordError> {
    Ok(raws.into_iter().map(|raw| if raw.number < 0 { Err(RecordError::Negative) } else { Ok(raw) }).collect())
}

fn main() {}
