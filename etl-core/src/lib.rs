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
#[doc(hidden)]
pub mod mutants;
pub mod observe;
mod sync;

pub use contract::error::{Class, Classes, Error, ErrorKind, Result, StageError};
pub use contract::{error, guarantee, needs, policy, position, record, settings, source, stage, target};
pub use engine::pipeline::{AtLeastOnce, AtMostOnce, EffectivelyOnce, ExactlyOnce, Pipeline};
pub use engine::wiring;

#[cfg(feature = "macros")]
pub use etl_macros::{Record, SerdeRecord, Settings, StageError, extractor, filter, loader, main, pipeline, resource, transform};
#[doc(hidden)]
pub use serde;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

/// What the file of a pipeline imports.
///
/// `#[derive(Deserialize)]`, for parts of the settings and what else serde reads, writes paths of the
/// crate `serde`: have it among your dependencies too. The settings themselves derive `Settings` in its place.
pub mod prelude {
    #[doc(no_inline)]
    pub use std::path::PathBuf;

    #[doc(no_inline)]
    pub use compact_str::CompactString;
    #[cfg(feature = "macros")]
    #[doc(no_inline)]
    pub use etl_macros::{Record, SerdeRecord, Settings, StageError, extractor, filter, loader, pipeline, resource, transform};
    #[cfg(feature = "garde")]
    #[doc(no_inline)]
    pub use garde::Validate;
    #[doc(no_inline)]
    pub use serde::Deserialize;

    pub use crate::contract::error::{Error, Result, StageError};
    pub use crate::contract::record::{Record, Secret, Sensitive};
    pub use crate::contract::stage::Batch;
}
