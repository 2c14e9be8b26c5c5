//! A token that may be missing is a plain text.
use etl_core::prelude::*;

#[derive(Debug, Settings)]
pub struct Config {
    #[serde(default)]
    api_token: Option<String>,
}

fn main() {}
