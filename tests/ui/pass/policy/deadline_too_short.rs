//! The tries end before the deadline, even if each takes as long as it may.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[derive(Debug, thiserror::Error, StageError)]
pub enum CallError {
    #[error("the service is away")]
    #[on_error(retry)]
    Away,
}

#[transform(retries = 3, timeout = "10s", deadline = "45s")]
async fn call(raw: &Raw) -> Result<Raw, CallError> {
    if raw.number == 0 { Err(CallError::Away) } else { Ok(Raw { number: 1 }) }
}

fn main() {}
