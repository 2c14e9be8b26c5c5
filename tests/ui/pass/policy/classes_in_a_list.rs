//! A variant is tried again; what is rejected is another one.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[derive(Debug, thiserror::Error, StageError)]
enum AskError {
    #[error("the registry is away")]
    #[on_error(retry)]
    Away,
}

#[transform(retries = 3)]
fn check(raw: &Raw) -> Result<Raw, AskError> {
    if raw.number > 0 { Ok(Raw { number: raw.number }) } else { Err(AskError::Away) }
}

fn main() {}
