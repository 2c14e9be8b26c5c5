//! A resource is made of one that is listed before it.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

struct Pool;

struct Registry;

#[resource]
fn pool() -> Pool {
    Pool
}

#[resource]
fn registry(_: &Pool) -> Registry {
    Registry
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
        resources: [pool, registry],
    }
}

fn main() {}
