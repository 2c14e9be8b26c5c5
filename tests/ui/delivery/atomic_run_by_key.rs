//! `atomic: run` with a loader that replaces by key: what a failing run has replaced stays replaced.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[extractor]
fn read() -> Vec<Raw> {
    vec![]
}

#[loader(idempotent(key = number))]
fn load(_: &[Raw]) {}

pipeline! {
    Job {
        flow: read => load,
        atomic: run,
    }
}

fn main() {}
