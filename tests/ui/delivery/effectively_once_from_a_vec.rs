//! `effectively_once` from a `Vec`, which cannot be read again.
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
        delivery: effectively_once,
    }
}

fn main() {}
