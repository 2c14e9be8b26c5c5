//! The options of a stage stand in its attribute, and the flow only names it.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[extractor]
fn read() -> Vec<Raw> {
    vec![]
}

#[transform(parallel)]
fn clean(raw: Raw) -> Raw {
    raw
}

#[loader]
fn load(_: &[Raw]) {}

pipeline! {
    Job {
        flow: read => clean => load,
    }
}

fn main() {}
