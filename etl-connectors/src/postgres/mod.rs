//! PostgreSQL as a target: records are copied in binary, in transactions that also hold the ledger.
//!
//! In a resource and a loader:
//! ```no_run
//! # use etl_core::record::{Secret, codec::Encode};
//! # use etl_connectors::postgres;
//! async fn warehouse(database: &Secret<String>) -> etl_core::Result<postgres::Pool> {
//!     postgres::connect(database).await
//! }
//!
//! async fn load<Flight: Encode + Sync>(flights: &[Flight], tx: &mut postgres::Transaction<'_>) -> etl_core::Result<()> {
//!     tx.copy_in("flights", flights).await
//! }
//! ```
//! A table is never made, and columns are bound by name. What a column takes:
//!
//! | column | field |
//! |---|---|
//! | `boolean` | `bool` |
//! | `smallint`, `integer`, `bigint`, `numeric` | whole numbers; one that the column cannot hold is rejected |
//! | `real`, `double precision` | floating-point and whole numbers that it holds exactly by their type |
//! | `text`, `varchar`, `char`, `name`, `citext`, `json`, `jsonb`, `uuid`, an `ENUM` | texts |
//! | `date`, `timestamp`, `timestamptz`, `numeric` | texts, such as those of `#[record(text)]`, in ISO 8601 or as decimals |
//! | `bytea` | bytes |
//!
//! # Exactly once
//!
//! Three small tables beside the records, made where they are missing, say how far each pipeline has
//! come: `_etl_lease` (one row a pipeline: who may load, until when), `_etl_ledger` (which part of the
//! source is in) and `_etl_stage` (what a run that commits as a whole has loaded so far). They are
//! written in the transaction of the records. A role that may not create tables needs them made by
//! another, see [`TABLES`].
//!
//! Connect to the server itself or to a pooler in *session* mode: a lease knows its holder by the
//! process that serves it.
//!
//! # TLS
//!
//! There is none yet. A connection string that asks for it (`sslmode=require`) is refused, and one to
//! another machine must say `sslmode=disable`, so that nothing is sent in the clear by mistake.
//!
//! # Errors
//!
//! They carry a class by SQLSTATE: a lost connection, a conflict, a lock, a shortage are *retry*; a
//! value or a constraint is *reject*; everything else is *fail*. They name tables, columns and
//! constraints. The server's own texts are never shown, because they quote records.

mod address;
mod calendar;
mod connection;
mod copy;
mod encode;
mod errors;
mod lease;
mod ledger;
mod names;
mod numeric;
mod pool;
mod session;
mod shape;
mod staging;
mod transaction;

use std::time::Duration;

use etl_core::Result;
use etl_core::record::Secret;

pub use connection::Connection;
pub use lease::TABLES;
pub use names::{Ident, IntoTable, Table};
pub use pool::Pool;
pub use transaction::Transaction;

/// Connects to the database of a URL (`postgresql://user:password@host/database`) or of
/// `key=value` pairs, with the usual [`options`].
///
/// # Errors
/// The string is not valid ([`ErrorKind::Config`](etl_core::ErrorKind::Config)); the server is away
/// ([`ErrorKind::Unavailable`](etl_core::ErrorKind::Unavailable)) or refuses.
pub async fn connect(database: &Secret<String>) -> Result<Pool> {
    options().connect(database).await
}

/// How long the server may take.
#[must_use]
pub fn options() -> Options {
    Options { statement: Duration::from_secs(300), lock: Duration::from_secs(30), idle: Duration::from_secs(120) }
}

/// What can be set of a [`Pool`]; made by [`options`].
#[derive(Clone, Copy, Debug)]
pub struct Options {
    statement: Duration,
    lock: Duration,
    idle: Duration,
}

impl Options {
    /// The server gives up a statement after so long (5 min); this end waits a little longer and then
    /// takes the connection for lost.
    #[must_use]
    pub const fn statement_timeout(mut self, limit: Duration) -> Self {
        self.statement = limit;
        self
    }

    /// The server gives up waiting for a lock after so long (30 s).
    #[must_use]
    pub const fn lock_timeout(mut self, limit: Duration) -> Self {
        self.lock = limit;
        self
    }

    /// The server ends a session that says nothing in a transaction for so long (2 min).
    #[must_use]
    pub const fn idle_timeout(mut self, limit: Duration) -> Self {
        self.idle = limit;
        self
    }

    /// Connects, see [`connect`].
    ///
    /// # Errors
    /// As [`connect`].
    pub async fn connect(self, database: &Secret<String>) -> Result<Pool> {
        Pool::connect(self, database).await
    }
}
