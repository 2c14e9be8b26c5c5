//! The attribute of a stage on a struct.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[transform]
struct Clean;

fn main() {}
