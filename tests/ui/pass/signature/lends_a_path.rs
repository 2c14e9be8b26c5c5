//! An extractor finds its path in the settings.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[derive(Settings)]
pub struct Config {
    input: PathBuf,
}

#[extractor]
fn read(config: &Config) -> Vec<Raw> {
    vec![Raw { number: config.input.exists().into() }]
}

fn main() {}
