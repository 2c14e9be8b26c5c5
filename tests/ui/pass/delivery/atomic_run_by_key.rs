//! A loader that replaces by key, batch after batch.
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
    }
}

fn main() {}
