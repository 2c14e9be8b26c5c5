//! Into a table of PostgreSQL.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use etl_connectors::postgres as server;
use etl_core::ErrorKind;
use etl_core::prelude::*;

use crate::stages::{Config, Item, manifest, seal, wanted, weigh};

#[resource]
async fn harbour(config: &Config) -> Result<server::Pool> {
    let database = config.database.as_ref().ok_or_else(|| Error::new(ErrorKind::Config, "no database is set"))?;
    server::connect(database).await
}

#[loader(batch = 250, retries = 3, backoff = "10ms")]
async fn load(items: &[Item], config: &Config, tx: &mut server::Transaction<'_>) -> Result<()> {
    static HESITATED: AtomicBool = AtomicBool::new(false);
    tx.copy_in("items", items).await?;
    let last = items.last().map(|item| item.id);
    if config.hesitate.is_some_and(|at| last >= Some(at)) && !HESITATED.swap(true, Relaxed) {
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    Ok(())
}

pipeline! {
    /// Into a table of PostgreSQL.
    pub(crate) Postgres {
        settings: Config,
        resources: [harbour],
        flow: manifest => weigh => wanted => seal => load,
        delivery: exactly_once,
        error_threshold: 50%,
        dead_letter: file(settings.rejects),
    }
}
