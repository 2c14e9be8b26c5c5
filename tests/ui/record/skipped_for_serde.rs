//! A field is skipped by serde, but is a column all the same.
use etl_core::prelude::*;

#[derive(Record, Deserialize)]
pub struct Flight {
    #[serde(skip)]
    pub carrier: String,
}

fn main() {}
