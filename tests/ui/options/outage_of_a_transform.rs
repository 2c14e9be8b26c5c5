//! Outages are those of a target, and a transform has none.
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

#[transform(retries = 3, outage = "10m")]
async fn call(sale: &Sale) -> Result<Sale, CallError> {
    if sale.number == 0 { Err(CallError::Away) } else { Ok(Sale { number: 1 }) }
}

fn main() {}
