//! At the end of a CSV file.

use etl_connectors::csv;
use etl_core::prelude::*;

use crate::stages::{Config, Item, manifest, seal, wanted, weigh};

#[resource]
fn file(config: &Config) -> Result<csv::File<Item>> {
    csv::append(&config.output)
}

#[loader(batch = 250)]
fn load(items: &[Item], tx: &mut csv::Writer<'_, Item>) -> Result<()> {
    tx.write(items)
}

pipeline! {
    /// At the end of a CSV file.
    pub(crate) CsvAppend {
        settings: Config,
        resources: [file],
        flow: manifest => weigh => wanted => seal => load,
        delivery: exactly_once,
        error_threshold: 50%,
        dead_letter: file(settings.rejects),
    }
}
