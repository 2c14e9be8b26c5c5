//! SQLite databases.
//!
//! Reading a table or a query, in an extractor; columns are bound by name:
//! ```no_run
//! # use etl_core::record::{Record, codec::Decode};
//! # use etl_connectors::sqlite;
//! fn flights<Flight: Record + Decode>() -> etl_core::Result<sqlite::Rows<Flight>> {
//!     sqlite::read("flights.db", "SELECT carrier, distance FROM flights ORDER BY id")
//! }
//! ```
//! Writing, in a resource and a loader:
//! ```no_run
//! # use etl_core::record::codec::Encode;
//! # use etl_connectors::sqlite;
//! fn warehouse() -> etl_core::Result<sqlite::Database> {
//!     sqlite::create("flights.db")
//! }
//!
//! fn load<Flight: Encode>(flights: &[Flight], tx: &mut sqlite::Transaction<'_>) -> etl_core::Result<()> {
//!     tx.insert("flights", flights)
//! }
//! ```
//!
//! Truth values and whole numbers are `INTEGER`, floating-point numbers `REAL`, texts `TEXT`, bytes
//! `BLOB`. SQLite has no `NaN`: it becomes `NULL`. An unsigned number above `i64::MAX` is rejected.
//!
//! Errors carry a class by SQLite's result code: busy and locked are *retry*; a constraint, a wrong
//! type and a value that is too big are *reject*; everything else is *fail*.

mod bind;
mod cells;
mod database;
mod errors;
mod identity;
mod ledger;
mod names;
mod private;
mod query;
mod source;
mod transaction;

use std::path::Path;

use etl_core::Result;
use etl_core::record::Record;
use etl_core::record::codec::Decode;
use serde::de::DeserializeOwned;

pub use database::{Connection, Database};
pub use source::Rows;
pub use transaction::Transaction;

/// A new database file, private to this run until the run ends well; then it appears under its name
/// at once. Tables are made as records come. A file that exists already is refused unless the run
/// may replace it, or is one that an earlier run of the pipeline has made: then the run goes on from
/// it. Beside the tables of the records it has those of the [ledger](open).
///
/// # Errors
/// None yet; the place is looked at when the run starts.
pub fn create(path: impl AsRef<Path>) -> Result<Database> {
    Ok(Database::create(path.as_ref()))
}

/// A database that exists. Its tables are kept as they are, and what is committed stays. So that a run
/// can go on where another was killed, tables `_etl_lease`, `_etl_ledger`, `_etl_progress` and
/// `_etl_tables` are made in it and written in the transactions of the records.
///
/// # Errors
/// None yet; the database is looked at when the run starts.
pub fn open(path: impl AsRef<Path>) -> Result<Database> {
    Ok(Database::open(path.as_ref()))
}

/// Reads the rows of a table, in the order of its rows, or of a query. What holds white space is a
/// query.
///
/// A run can be resumed only if the rows come in the same order again: give a query an `ORDER BY`.
///
/// # Errors
/// None yet; the database is looked at when the run starts.
pub fn read<T: Record + Decode>(path: impl AsRef<Path>, table_or_query: &str) -> Result<Rows<T>> {
    Ok(Rows::new(path.as_ref(), table_or_query))
}

/// The same for a type that only has serde.
///
/// # Errors
/// None yet; the database is looked at when the run starts.
pub fn read_serde<T: Record + DeserializeOwned>(path: impl AsRef<Path>, table_or_query: &str) -> Result<Rows<T>> {
    Ok(Rows::new_serde(path.as_ref(), table_or_query))
}
