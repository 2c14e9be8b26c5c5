//! A password prints as `***`.
use etl_core::prelude::*;

#[derive(Debug, Settings)]
pub struct Config {
    user: String,
    database_password: Secret<String>,
}

fn main() {}
