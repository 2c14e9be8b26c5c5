//! The record parameter is no record.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

struct Plain {
    number: i64,
}

#[transform]
fn make(plain: Plain) -> Raw {
    Raw { number: plain.number }
}

fn main() {}
