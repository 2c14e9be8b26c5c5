//! Settings are an enum.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[derive(Settings)]
enum Config {
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
