//! A stage in one place.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[extractor]
fn read() -> Vec<Raw> {
    vec![]
}

#[filter]
fn positive(raw: &Raw) -> bool {
    raw.number > 0
}

#[loader]
fn load(_: &[Raw]) {}

pipeline! {
    Job {
        flow: read => positive => load,
    }
}

fn main() {}
