//! A function with `#[resource]` among the resources.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

struct Pool;

#[resource]
fn pool() -> Pool {
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
        resources: [pool],
    }
}

fn main() {}
