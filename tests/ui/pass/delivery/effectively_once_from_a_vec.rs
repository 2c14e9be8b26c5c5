//! `effectively_once` from a `Vec` that is the same whenever it is made.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[extractor(replayable)]
fn read() -> Vec<Raw> {
    vec![]
}

#[loader(idempotent(key = number))]
fn load(_: &[Raw]) {}

pipeline! {
    Job {
        flow: read => load,
        delivery: effectively_once,
    }
}

fn main() {}
