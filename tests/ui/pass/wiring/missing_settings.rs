//! An extractor reads the settings of its pipeline.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[derive(Settings)]
struct Config {}

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
