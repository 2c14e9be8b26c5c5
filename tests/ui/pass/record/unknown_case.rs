//! A case that there is.
use etl_core::prelude::*;

#[derive(Record)]
#[record(rename_all = "camelCase")]
struct Raw {
    number: i64,
}

fn main() {}
