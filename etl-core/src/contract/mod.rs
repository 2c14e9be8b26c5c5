//! The contract between stages, connectors and the engine: types and traits, no machinery.

pub mod error;
pub mod guarantee;
pub(crate) mod hex;
pub mod needs;
pub mod policy;
pub mod position;
pub mod record;
pub mod settings;
pub mod source;
pub mod stage;
pub mod target;
