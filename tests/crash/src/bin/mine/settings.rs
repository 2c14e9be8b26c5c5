//! What the operator sets.

use etl_core::prelude::*;

use crate::trouble::Trouble;

/// The settings of all pipelines.
#[derive(Debug, Settings)]
pub(crate) struct Config {
    /// The source.
    pub(crate) input: PathBuf,
    /// The target.
    pub(crate) output: PathBuf,
    /// Where rejected records go.
    pub(crate) rejects: PathBuf,
    /// What goes wrong with the record that is to be spoiled.
    #[serde(default)]
    pub(crate) trouble: Trouble,
    /// A URL with a password in it.
    pub(crate) database: Secret<String>,
    /// Secrets in a list.
    #[serde(default)]
    pub(crate) keys: Vec<Secret<String>>,
    /// A secret that is no text.
    #[serde(default)]
    pub(crate) pin: Option<Secret<u64>>,
    /// A secret in a table.
    #[serde(default)]
    pub(crate) service: Service,
}

/// Where something is asked for.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Service {
    /// Has its credentials in it.
    #[serde(default)]
    pub(crate) address: String,
    /// Is masked by its name alone.
    #[serde(default)]
    pub(crate) api_key: String,
}

impl Config {
    /// All that nobody may read, for code that tells it everybody.
    pub(crate) fn secrets(&self) -> String {
        let keys: Vec<_> = self.keys.iter().map(Secret::reveal).collect();
        let (address, key, pin) = (&self.service.address, &self.service.api_key, self.pin.as_ref().map(Secret::reveal));
        format!("{} {keys:?} {pin:?} {address} {key}", self.database.reveal())
    }
}
