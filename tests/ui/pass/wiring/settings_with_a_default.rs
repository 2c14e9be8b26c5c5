//! A default is given to serde.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

fn five() -> u64 {
    5
}

#[derive(Settings)]
struct Config {
    #[serde(default = "five")]
    count: u64,
}

#[extractor]
fn read(config: &Config) -> Vec<Raw> {
    (0..config.count).map(|_| Raw { number: 1 }).collect()
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
