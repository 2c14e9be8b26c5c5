//! A column is renamed for serde, which does not read the record.
use etl_core::prelude::*;

#[derive(Record, Deserialize)]
pub struct Flight {
    #[serde(rename = "Carrier Code")]
    pub carrier: String,
}

fn main() {}
