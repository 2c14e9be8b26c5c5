//! A resource that there is.
use etl_core::prelude::*;

pub struct Pool;

#[resource]
fn pool() -> Pool {
    Pool
}

#[derive(Record)]
pub struct Raw {
    number: i64,
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
