//! Two resources of one type: a stage could not say which.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

struct Pool;

#[resource]
fn first() -> Pool {
    Pool
}

#[resource]
fn second() -> Pool {
    Pool
}

#[extractor]
fn read() -> Vec<Raw> {
    vec![]
}

#[loader]
fn load(_: &[Raw]) {}

pipeline! {
    Job {
        flow: read => load,
        resources: [first, second],
    }
}

fn main() {}
