//! All columns are renamed for serde alone.
use etl_core::prelude::*;

#[derive(Record, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Flight {
    pub dep_time: String,
}

fn main() {}
