//! A setting has the name under which the options of the pipeline stand.
use etl_core::prelude::*;

#[derive(Debug, Settings)]
pub struct Config {
    pipeline: String,
}

fn main() {}
