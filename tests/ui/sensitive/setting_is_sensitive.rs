//! A setting is masked as a column would be.
use etl_core::prelude::*;

#[derive(Debug, Settings)]
pub struct Config {
    database: Sensitive<String>,
}

fn main() {}
