//! Each field has a column of its own.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
    #[record(rename = "other_number")]
    other: i64,
}

fn main() {}
