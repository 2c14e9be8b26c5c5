//! An outage of no length.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Sale {
    number: i64,
}

#[derive(Debug, thiserror::Error, StageError)]
pub enum LoadError {
    #[error("the target is away")]
    #[on_error(retry)]
    Away,
}

#[loader(retries = 3, outage = "soon")]
async fn load(sales: &[Sale]) -> Result<(), LoadError> {
    if sales.is_empty() { Err(LoadError::Away) } else { Ok(()) }
}

fn main() {}
