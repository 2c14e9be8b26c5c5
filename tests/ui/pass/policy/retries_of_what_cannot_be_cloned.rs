//! A retried stage takes its record away, and feeds a clone again.
use etl_core::prelude::*;

#[derive(Record, Clone)]
struct Raw {
    number: i64,
}

#[derive(Debug, thiserror::Error, StageError)]
enum TargetError {
    #[error("the target is away")]
    #[on_error(retry)]
    Away,
}

#[transform(retries = 3)]
fn same(raw: Raw) -> Result<Raw, TargetError> {
    Ok(raw)
}

fn main() {}
