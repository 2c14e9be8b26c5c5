//! The settings are given as a value.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[derive(Default, Settings)]
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
        settings: Config::default(),
        flow: read => load,
    }
}

fn main() {}
