//! Into a table of a SQLite database that exists.

use etl_connectors::sqlite;
use etl_core::prelude::*;

use crate::stages::{Config, Item, manifest, seal_anywhere, wanted, weigh};

#[resource]
fn harbour(config: &Config) -> Result<sqlite::Database> {
    sqlite::open(&config.output)
}

#[loader(batch = 250)]
fn load(items: &[Item], tx: &mut sqlite::Transaction<'_>) -> Result<()> {
    tx.insert("items", items)
}

pipeline! {
    /// Into a table of a SQLite database that exists, in any order.
    pub(crate) Sqlite {
        settings: Config,
        resources: [harbour],
        flow: manifest => weigh => wanted => seal_anywhere => load,
        delivery: exactly_once,
        error_threshold: 50%,
        dead_letter: file(settings.rejects),
    }
}
