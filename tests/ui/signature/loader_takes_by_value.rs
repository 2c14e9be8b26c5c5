//! A loader that takes its records away; the pipeline around it says nothing more.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[extractor]
fn read() -> Vec<Raw> {
    vec![]
}

#[loader]
fn load(_: Vec<Raw>) {}

pipeline! {
    Job {
        flow: read => load,
    }
}

fn main() {}
