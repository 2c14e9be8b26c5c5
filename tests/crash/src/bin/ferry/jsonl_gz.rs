//! Into a compressed file of JSON lines that appears when it is complete.

use etl_connectors::jsonl;
use etl_core::prelude::*;

use crate::stages::{Config, Item, manifest, seal_anywhere, wanted, weigh};

#[resource]
fn file(config: &Config) -> Result<jsonl::File<Item>> {
    jsonl::create(&config.output)
}

#[loader(batch = 250)]
fn load(items: &[Item], tx: &mut jsonl::Writer<'_, Item>) -> Result<()> {
    tx.write(items)
}

pipeline! {
    /// Into a compressed file of JSON lines that appears when it is complete, in any order.
    pub(crate) JsonlGz {
        settings: Config,
        resources: [file],
        flow: manifest => weigh => wanted => seal_anywhere => load,
        delivery: exactly_once,
        error_threshold: 50%,
        dead_letter: file(settings.rejects),
    }
}
