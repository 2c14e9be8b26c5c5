//! The decoders of etl-core that no other crate sees.
#![allow(dead_code, unused_imports, reason = "a target needs a part of it")]

#[path = "../../etl-core/src/delivery/dead_letters/mod.rs"]
pub mod dead_letters;
#[path = "../../etl-core/src/delivery/selection.rs"]
pub mod selection;
