//! A stage takes the settings and uses a field of them.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[derive(Settings)]
pub struct Config {
    prefix: String,
}

#[filter]
fn known(raw: &Raw, config: &Config) -> bool {
    raw.number > config.prefix.len() as i64
}

fn main() {}
