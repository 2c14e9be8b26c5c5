//! The settings of a pipeline are a type that there is.
use etl_core::prelude::*;

#[derive(Debug, Settings)]
pub struct Config {
    limit: u64,
}

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[extractor]
fn read(config: &Config) -> Vec<Raw> {
    (0..config.limit).map(|_| Raw { number: 0 }).collect()
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
