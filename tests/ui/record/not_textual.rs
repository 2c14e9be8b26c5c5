//! `text` on a type that is not read from text.
use etl_core::prelude::*;

struct Carrier(u8);

#[derive(Record)]
struct Raw {
    #[record(text)]
    carrier: Option<Carrier>,
}

fn main() {}
