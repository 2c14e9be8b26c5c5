//! A column is renamed for the record.
use etl_core::prelude::*;

#[derive(Record, Deserialize)]
pub struct Flight {
    #[record(rename = "Carrier Code")]
    pub carrier: String,
}

fn main() {}
