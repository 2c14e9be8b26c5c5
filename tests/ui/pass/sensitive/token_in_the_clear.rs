//! A token that may be missing prints as `***`.
use etl_core::prelude::*;

#[derive(Debug, Settings)]
pub struct Config {
    #[serde(default)]
    api_token: Option<Secret<String>>,
}

fn main() {}
