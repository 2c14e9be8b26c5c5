//! The servers that tests need: a private PostgreSQL.
//!
//! It has its data in a temporary directory, is reached by a socket there, named to the tests by an environment variable, and
//! stopped when [`Services`] is dropped. It is installed where that is allowed; a server that cannot be started is an error here
//! and not a skipped test there.

use etl_postgres_server::{ENV, Server, install_if_missing};

use crate::step::Result;

/// What runs beside the tests, for as long as this lives.
pub(crate) struct Services {
    env: Vec<(&'static str, String)>,
    _postgres: Server,
}

impl Services {
    /// Starts what the tests need.
    pub(crate) fn start() -> Result<Self> {
        install_if_missing()?;
        let postgres = Server::start()?;
        Ok(Self { env: vec![(ENV, postgres.url())], _postgres: postgres })
    }

    /// What tells the tests where their servers are.
    pub(crate) fn env(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.env.iter().map(|(name, value)| (*name, value.as_str()))
    }
}
