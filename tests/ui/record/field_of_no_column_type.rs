//! A field that no column can hold.
use etl_core::prelude::*;

struct Carrier(u8);

#[derive(Record)]
struct Raw {
    number: i64,
    carrier: Carrier,
}

fn main() {}
