//! The options of a stage are written in the flow.
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
        flow: read => clean(parallel) => load,
    }
}

fn main() {}
