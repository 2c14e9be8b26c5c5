//! The tries end before the deadline, by a number that only the compiler knows.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

const RETRIES: u32 = 1;

#[derive(Debug, thiserror::Error, StageError)]
pub enum CallError {
    #[error("the service is away")]
    #[on_error(retry)]
    Away,
}

#[transform(retries = RETRIES, timeout = "10s", deadline = "30s")]
async fn call(raw: &Raw) -> Result<Raw, CallError> {
    if raw.number == 0 { Err(CallError::Away) } else { Ok(Raw { number: 1 }) }
}

fn main() {}
