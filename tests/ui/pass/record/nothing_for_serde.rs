//! A type with both codecs has options of both.
use etl_core::prelude::*;

#[derive(Record, Deserialize)]
pub struct Flight {
    #[serde(alias = "airline")]
    pub carrier: String,
}

fn main() {}
