//! An option of serde on a record that has no serde.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Flight {
    #[serde(alias = "airline")]
    pub carrier: String,
}

fn main() {}
