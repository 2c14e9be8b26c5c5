//! Into a directory of Parquet files with a manifest.

use std::time::Duration;

use etl_connectors::parquet;
use etl_core::prelude::*;

use crate::stages::{Config, Item, manifest, seal, wanted, weigh};

#[resource]
fn file(config: &Config) -> Result<parquet::File<Item>> {
    // A part is committed when it ends: soon, so that a run has many commits.
    parquet::options().part_age(Duration::from_millis(10)).dataset(&config.output)
}

#[loader(batch = 250)]
fn load(items: &[Item], tx: &mut parquet::Writer<'_, Item>) -> Result<()> {
    tx.write(items)
}

pipeline! {
    /// Into a directory of Parquet files with a manifest.
    pub(crate) Dataset {
        settings: Config,
        resources: [file],
        flow: manifest => weigh => wanted => seal => load,
        delivery: exactly_once,
        error_threshold: 50%,
        dead_letter: file(settings.rejects),
    }
}
