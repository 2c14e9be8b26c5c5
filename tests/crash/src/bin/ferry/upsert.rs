//! Into a table in which an item takes the place of an earlier one with its number: a loader
//! without a transaction of the engine's, on a connection that the engine knows nothing of.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use etl_core::ErrorKind;
use etl_core::prelude::*;

use crate::stages::{Config, Item, manifest, seal_anywhere, wanted, weigh};

/// The program's own connection.
#[derive(Debug)]
pub(crate) struct Shelf(Mutex<rusqlite::Connection>);

#[resource]
fn shelf(config: &Config) -> Result<Shelf> {
    let open = || {
        let connection = rusqlite::Connection::open(&config.output)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        // What the function has returned from must outlive a power failure: with less, SQLite does not
        // sync the directory after it has removed its journal, and would take the batch back.
        connection.pragma_update(None, "synchronous", "EXTRA")?;
        Ok(Shelf(Mutex::new(connection)))
    };
    open().map_err(|_error: rusqlite::Error| Error::new(ErrorKind::Resource, "cannot open the shelf"))
}

/// Why an item is not on the shelf.
#[derive(Debug, thiserror::Error, StageError)]
pub(crate) enum ShelfError {
    /// The run stops.
    #[error("the shelf does not take it")]
    #[on_error(fail)]
    Sqlite(#[from] rusqlite::Error),
}

#[loader(batch = 250, idempotent(key = id))]
fn load(items: &[Item], shelf: &Shelf) -> Result<(), ShelfError> {
    let mut shelf = shelf.0.lock().unwrap_or_else(PoisonError::into_inner);
    // Half a batch can stay behind when the process is killed: two transactions for each.
    for half in items.chunks(items.len().div_ceil(2).max(1)) {
        let tx = shelf.transaction()?;
        {
            let mut put = tx.prepare_cached("INSERT OR REPLACE INTO items (id, amount, note, stamp) VALUES (?1, ?2, ?3, ?4)")?;
            for item in half {
                put.execute((item.id as i64, item.amount, &item.note, item.stamp))?;
            }
        }
        tx.commit()?;
    }
    Ok(())
}

pipeline! {
    /// Into a table in which an item takes the place of an earlier one with its number.
    pub(crate) Upsert {
        settings: Config,
        resources: [shelf],
        flow: manifest => weigh => wanted => seal_anywhere => load,
        delivery: effectively_once,
        error_threshold: 50%,
        dead_letter: file(settings.rejects),
    }
}
