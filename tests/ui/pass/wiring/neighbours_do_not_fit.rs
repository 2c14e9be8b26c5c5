//! A stage takes the records that the one before yields.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[derive(Record)]
struct Clean {
    number: i64,
}

#[extractor]
fn read() -> Vec<Raw> {
    vec![]
}

#[transform]
fn clean(raw: Raw) -> Clean {
    Clean { number: raw.number }
}

#[loader]
fn load(_: &[Clean]) {}

pipeline! {
    Job {
        flow: read => clean => load,
    }
}

fn main() {}
