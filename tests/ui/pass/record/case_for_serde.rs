//! The columns are renamed for the record, and for serde as well.
use etl_core::prelude::*;

#[derive(Record, Deserialize)]
#[record(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct Flight {
    pub dep_time: String,
}

fn main() {}
