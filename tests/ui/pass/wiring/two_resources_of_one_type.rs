//! Two resources, each of its own type.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

struct Pool;

struct Spare(Pool);

#[resource]
fn first() -> Pool {
    Pool
}

#[resource]
fn second() -> Spare {
    Spare(Pool)
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
