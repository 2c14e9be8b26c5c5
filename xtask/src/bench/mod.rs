//! `cargo xtask bench`: what is measured on demand, because it takes minutes and a quiet machine.

pub(crate) mod compile;
mod contest;
pub(crate) mod engine;
pub(crate) mod instructions;
pub(crate) mod peers;
pub(crate) mod postgres;
