//! A private PostgreSQL for tests and measurements.
//!
//! The server is the machine's own, run on data in a temporary directory and reached by a socket there: no port is open, nobody
//! else can connect, and nothing of another PostgreSQL is touched. It makes everything durable as a real one does. It is stopped
//! when its [`Server`] is dropped, and also when the process that started it is killed.
//!
//! A test takes a database of its own:
//! ```no_run
//! let url = etl_postgres_server::database();
//! ```
//! All tests of one run share a server: the one that `ETL_TEST_POSTGRES` names, as `cargo xtask test` sets it, or one that the
//! first test starts.

mod programs;
mod proxy;
mod server;
mod shared;

pub use programs::install_if_missing;
pub use proxy::Proxy;
pub use server::{Server, connection, new_database};
pub use shared::{ENV, database};

/// An error is a sentence for the contributor.
pub type Result<T> = std::result::Result<T, String>;
