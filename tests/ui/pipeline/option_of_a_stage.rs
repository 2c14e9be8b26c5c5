//! An option of a stage is written as a clause of the pipeline.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
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
        batch: 50,
    }
}

fn main() {}
