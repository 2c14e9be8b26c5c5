//! A pipeline of one stage.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[extractor]
fn read() -> Vec<Raw> {
    vec![]
}

pipeline! {
    Job {
        flow: read,
    }
}

fn main() {}
