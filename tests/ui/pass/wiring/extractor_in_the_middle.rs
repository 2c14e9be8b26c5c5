//! A transform stands between two stages.
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
fn again(raw: Raw) -> Raw {
    raw
}

#[loader]
fn load(_: &[Raw]) {}

pipeline! {
    Job {
        flow: read => again => load,
    }
}

fn main() {}
