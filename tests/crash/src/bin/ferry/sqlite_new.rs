//! Into a SQLite database that the run makes.

use etl_connectors::sqlite;
use etl_core::prelude::*;

use crate::stages::{Config, Item, manifest, seal, wanted, weigh};

#[resource]
fn harbour(config: &Config) -> Result<sqlite::Database> {
    sqlite::create(&config.output)
}

#[loader(batch = 250)]
fn load(items: &[Item], tx: &mut sqlite::Transaction<'_>) -> Result<()> {
    tx.insert("items", items)
}

pipeline! {
    /// Into a SQLite database that the run makes.
    pub(crate) SqliteNew {
        settings: Config,
        resources: [harbour],
        flow: manifest => weigh => wanted => seal => load,
        delivery: exactly_once,
        error_threshold: 50%,
        dead_letter: file(settings.rejects),
    }
}
