//! A setting with a name that nothing else has.
use etl_core::prelude::*;

#[derive(Debug, Settings)]
pub struct Config {
    dataset: String,
}

fn main() {}
