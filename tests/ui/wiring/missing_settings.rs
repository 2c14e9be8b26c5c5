//! An extractor reads settings of a pipeline that has none.
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
    }
}

fn main() {}
