//! A transform has retries.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Sale {
    number: i64,
}

#[derive(Debug, thiserror::Error, StageError)]
pub enum CallError {
    #[error("the service is away")]
    #[on_error(retry)]
    Away,
}

#[transform(retries = 3)]
async fn call(sale: &Sale) -> Result<Sale, CallError> {
    if sale.number == 0 { Err(CallError::Away) } else { Ok(Sale { number: 1 }) }
}

fn main() {}
