//! The runtime that pipelines compile to.
//!
//! | | |
//! |---|---|
//! | [`contract`] | stages, errors, records, sources and targets: types and traits, no machinery |
//! | [`delivery`] | what becomes of records that are not loaded: dead letters |
//! | [`engine`] | how batches move |
//! | [`observe`] | metrics, progress, the report |
#![cfg_attr(feature = "cli", doc = "| [`cli`] | the operator's command line |")]

extern crate self as etl_core;

#[cfg(feature = "cli")]
pub mod cli;
pub mod contract;
pub mod delivery;
pub mod engine;
pub mod observe;

pub use contract::error::{Class, Classes, Error, ErrorKind, Result, StageError};
pub use contract::{error, needs, policy, position, record, source, stage, target};
pub use engine::pipeline::Pipeline;
pub use engine::wiring;
