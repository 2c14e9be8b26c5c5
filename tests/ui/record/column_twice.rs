//! Two fields with the name of one column.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
    #[record(rename = "number")]
    other: i64,
}

fn main() {}
