//! Into a Parquet file that appears when it is complete.

use etl_connectors::parquet;
use etl_core::prelude::*;

use crate::stages::{Config, Item, manifest, seal, wanted, weigh};

#[resource]
fn file(config: &Config) -> Result<parquet::File<Item>> {
    parquet::create(&config.output)
}

#[loader(batch = 250)]
fn load(items: &[Item], tx: &mut parquet::Writer<'_, Item>) -> Result<()> {
    tx.write(items)
}

pipeline! {
    /// Into a Parquet file that appears when it is complete.
    pub(crate) Parquet {
        settings: Config,
        resources: [file],
        flow: manifest => weigh => wanted => seal => load,
        delivery: exactly_once,
        error_threshold: 50%,
        dead_letter: file(settings.rejects),
    }
}
