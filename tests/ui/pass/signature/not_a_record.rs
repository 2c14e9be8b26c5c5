//! The record parameter is a record.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[derive(Record)]
struct Plain {
    number: i64,
}

#[transform]
fn make(plain: Plain) -> Raw {
    Raw { number: plain.number }
}

fn main() {}
