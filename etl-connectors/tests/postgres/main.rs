//! PostgreSQL, against a private server: copying, names, errors, the lease and the ledger, staging,
//! and what becomes of a session when a call is given up.
#![cfg(feature = "postgres")]

mod cancelling;
mod claims;
#[path = "../common/mod.rs"]
mod common;
mod copying;
mod failing;
mod ledger;
mod names;
mod staging;
mod support;
