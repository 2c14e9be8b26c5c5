//! Settings are a struct, and a field of it may be an enum.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[derive(Settings)]
struct Config {
    mode: Mode,
}

#[derive(Deserialize)]
enum Mode {
    Full,
    Daily,
}

#[extractor]
fn read(_: &Config) -> Vec<Raw> {
    vec![]
}

#[loader]
fn load(_: &[Raw]) {}

pipeline! {
    Job {
        flow: read => load,
        settings: Config,
    }
}

fn main() {}
