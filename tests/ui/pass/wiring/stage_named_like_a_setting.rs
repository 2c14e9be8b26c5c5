//! A stage and a setting with names of their own.
use etl_core::prelude::*;

#[derive(Debug, Settings)]
pub struct Config {
    tidy: bool,
}

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[extractor]
fn read() -> Vec<Raw> {
    vec![]
}

#[transform]
fn clean(raw: Raw) -> Raw {
    raw
}

#[loader]
fn load(_: &[Raw]) {}

pipeline! {
    Job {
        flow: read => clean => load,
        settings: Config,
    }
}

fn main() {}
