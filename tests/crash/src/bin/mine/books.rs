//! From CSV into PostgreSQL.

use etl_connectors::{csv, postgres};
use etl_core::prelude::*;

use crate::record::{Item, Raw};
use crate::settings::Config;
use crate::trouble::JudgeError;

#[resource]
async fn ledger(config: &Config) -> Result<postgres::Pool> {
    postgres::connect(&config.database).await
}

#[extractor(malformed = reject)]
fn lines(config: &Config) -> Result<csv::Rows<Raw>> {
    csv::read(&config.input)
}

#[transform(parallel)]
fn judge(raw: Raw, config: &Config) -> Result<Item, JudgeError> {
    crate::trouble::judge(&raw, config)?;
    Ok(Item::from(&raw))
}

#[loader(batch = 10, retries = 1, backoff = "1ms", timeout = "20s")]
async fn book(items: &[Item], tx: &mut postgres::Transaction<'_>) -> Result<()> {
    tx.copy_in("items", items).await
}

pipeline! {
    /// From CSV into PostgreSQL.
    pub(crate) Books {
        settings: Config,
        resources: [ledger],
        flow: lines => judge => book,
        delivery: exactly_once,
        error_threshold: 90%,
        dead_letter: file(settings.rejects),
    }
}
