//! A case that is none.
use etl_core::prelude::*;

#[derive(Record)]
#[record(rename_all = "camel_case")]
struct Raw {
    number: i64,
}

fn main() {}
