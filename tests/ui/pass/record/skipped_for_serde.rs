//! A column that may be missing has a default.
use etl_core::prelude::*;

#[derive(Record, Deserialize)]
pub struct Flight {
    #[record(default)]
    pub carrier: String,
}

fn main() {}
