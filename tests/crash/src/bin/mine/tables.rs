//! From a table into a directory of Parquet files.

use etl_connectors::{parquet, sqlite};
use etl_core::prelude::*;

use crate::record::{Item, Raw};
use crate::settings::Config;
use crate::trouble::JudgeError;

#[resource]
fn shelf(config: &Config) -> Result<parquet::File<Item>> {
    parquet::dataset(&config.output)
}

#[extractor(malformed = reject)]
fn rows(config: &Config) -> Result<sqlite::Rows<Raw>> {
    sqlite::read(&config.input, "orders")
}

#[transform(parallel)]
fn judge(raw: Raw, config: &Config) -> Result<Item, JudgeError> {
    crate::trouble::judge(&raw, config)?;
    Ok(Item::from(&raw))
}

#[loader(batch = 10)]
fn shelve(items: &[Item], tx: &mut parquet::Writer<'_, Item>) -> Result<()> {
    tx.write(items)
}

pipeline! {
    /// From a table into a directory of Parquet files.
    pub(crate) Tables {
        settings: Config,
        resources: [shelf],
        flow: rows => judge => shelve,
        delivery: exactly_once,
        error_threshold: 90%,
        dead_letter: file(settings.rejects),
    }
}
