//! `crate::contract` for what is included from etl-core.

pub use etl_core::{error, position};

#[path = "../../etl-core/src/contract/hex.rs"]
pub mod hex;
