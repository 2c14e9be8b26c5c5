//! The crash harness: kills pipelines at every place that it can think of, lets them go on, and
//! judges from outside whether anything was lost or doubled.
//!
//! `cargo xtask crash` builds and runs it. The programs under test are the pipelines of the ferry
//! (`src/bin/ferry`), one for each class of target.

// What is public here is public to the two programs of this package.
#![allow(clippy::missing_panics_doc, reason = "nothing panics but tests")]

pub mod class;
pub mod freight;
pub mod kill;
pub mod oracle;
pub mod outcome;
pub mod sink;
pub mod voyage;
pub mod yard;

/// An error is a sentence for whoever runs the harness.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;
