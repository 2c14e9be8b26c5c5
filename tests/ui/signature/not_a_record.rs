//! The record parameter is no record.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

struct Plain;

#[transform]
fn make(_: Plain) -> Raw {
    Raw { number: 1 }
}

fn main() {}
