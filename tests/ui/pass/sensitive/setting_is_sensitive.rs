//! A setting that prints as `***`.
use etl_core::prelude::*;

#[derive(Debug, Settings)]
pub struct Config {
    database: Secret<String>,
}

fn main() {}
