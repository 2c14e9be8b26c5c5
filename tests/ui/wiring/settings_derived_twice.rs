//! Settings derive what serde needs as well.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[derive(Deserialize, Settings)]
struct Config {
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
