//! An extractor asks for a path.
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
fn read(input: &std::path::Path) -> Vec<Raw> {
    vec![Raw { number: input.exists().into() }]
}

fn main() {}
