//! A generic stage, in the middle of a pipeline that says nothing more.
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
fn same<T>(raw: T) -> T {
    raw
}

#[loader]
fn load(_: &[Raw]) {}

pipeline! {
    Job {
        flow: read => same => load,
    }
}

fn main() {}
