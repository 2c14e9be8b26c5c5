//! The place for servers that tests need, such as PostgreSQL.
//!
//! No test needs one yet, so none is started. The first that does adds it here: a private instance with its data in a temporary
//! directory, on a port that is free, named to the tests by an environment variable, and stopped when [`Services`] is dropped.
//! A server that cannot be started is an error here and not a skipped test there.

use crate::step::Result;

/// What runs beside the tests, for as long as this lives.
pub(crate) struct Services {
    env: Vec<(&'static str, String)>,
}

impl Services {
    /// Starts what the tests need.
    pub(crate) fn start() -> Result<Self> {
        Ok(Self { env: Vec::new() })
    }

    /// What tells the tests where their servers are.
    pub(crate) fn env(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.env.iter().map(|(name, value)| (*name, value.as_str()))
    }
}
