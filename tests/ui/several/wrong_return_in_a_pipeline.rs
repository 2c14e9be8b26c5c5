//! What a stage returns is wrong, and so the pipeline cannot know what it passes on. errors: 2
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[transform]
fn same(raw: Vec<Raw>) -> Vec<Raw> {
    raw
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
