//! The crash harness: kills pipelines at every place that it can think of, lets them go on, and
//! judges from outside whether anything was lost or doubled.
//!
//! `cargo xtask crash` builds and runs it. The programs under test are the pipelines of the ferry
//! (`src/bin/ferry`), one for each class of target.

// What is public here is public to the two programs of this package.
#![allow(clippy::missing_panics_doc, reason = "nothing panics but tests")]

pub mod args;
pub mod campaign;
pub mod class;
pub mod control;
pub mod cut;
pub mod database;
mod delivery_code;
pub mod disk;
pub mod freight;
pub mod grown;
pub mod kill;
pub mod kinds;
pub mod log;
pub mod oracle;
pub mod outcome;
pub mod power;
pub mod proxy;
pub mod reader;
pub mod server;
pub mod sink;
pub mod spoil;
pub mod stall;
pub mod table;
pub mod tracer;
pub mod voyage;
pub mod yard;
pub mod zombie;

/// An error is a sentence for whoever runs the harness.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;
