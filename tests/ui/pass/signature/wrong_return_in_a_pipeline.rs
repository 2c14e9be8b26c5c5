//! What a stage returns is right, and so the pipeline knows what it passes on.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[transform]
fn same(raw: Vec<Raw>) -> Batch<Raw> {
    raw.into_iter().collect()
}

#[extractor]
fn read() -> Vec<Raw> {
    vec![]
}

#[loader]
fn load(_: &[Raw]) {}

pipeline! {
    Job {
        flow: read => same => load,
    }
}

fn main() {}
