//! A stage that acts outside of the process, and a stage behind it that fails.

use etl_connectors::{csv, sqlite};
use etl_core::prelude::*;

use crate::record::{Item, Raw};
use crate::settings::Config;
use crate::trouble::JudgeError;

/// Why nothing can be undone.
#[derive(Debug, thiserror::Error, StageError)]
pub(crate) enum CancelError {
    #[error("{0} has left")]
    #[on_error(fail)]
    Gone(String),
}

#[resource]
fn till(config: &Config) -> Result<sqlite::Database> {
    sqlite::open(&config.output)
}

#[extractor(malformed = reject)]
fn guests(config: &Config) -> Result<csv::Rows<Raw>> {
    csv::read(&config.input)
}

#[transform(compensate = cancel)]
fn book(raw: Raw, _config: &Config) -> Result<Raw, CancelError> {
    Ok(raw)
}

fn cancel(raw: &Raw, _booked: Option<&Raw>, config: &Config) -> Result<(), CancelError> {
    // The last one to be undone panics, the others cannot be undone.
    assert!(raw.id != 0, "{raw:?} {}", config.secrets());
    Err(CancelError::Gone(format!("{raw:?} {}", config.secrets())))
}

#[transform]
fn judge(raw: &Raw, config: &Config) -> Result<Item, JudgeError> {
    crate::trouble::judge(raw, config)?;
    Ok(Item::from(raw))
}

#[loader(batch = 10)]
fn store(items: &[Item], tx: &mut sqlite::Transaction<'_>) -> Result<()> {
    tx.insert("items", items)
}

pipeline! {
    /// Acts outside of the process before it fails.
    pub(crate) Bookings {
        settings: Config,
        resources: [till],
        flow: guests => book => judge => store,
        delivery: exactly_once,
        dead_letter: file(settings.rejects),
    }
}
