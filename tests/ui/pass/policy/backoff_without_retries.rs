//! A pause before retries.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[derive(Debug, thiserror::Error, StageError)]
pub enum LoadError {
    #[error("the service is away")]
    #[on_error(retry)]
    Away,
}

#[loader(retries = 3, backoff = "1s")]
fn load(_: &[Raw]) -> Result<(), LoadError> {
    Err(LoadError::Away)
}

fn main() {}
