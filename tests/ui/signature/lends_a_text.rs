//! A stage asks for a text, which settings and resources cannot be found by.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[derive(Settings)]
struct Config {
    prefix: String,
}

#[filter]
fn known(raw: &Raw, prefix: &str) -> bool {
    raw.number > prefix.len() as i64
}

fn main() {}
