//! An option of a stage is in its attribute.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[extractor]
fn read() -> Vec<Raw> {
    vec![]
}

#[transform(batch = 50)]
fn clean(raw: Raw) -> Raw {
    raw
}

#[loader]
fn load(_: &[Raw]) {}

pipeline! {
    Job {
        flow: read => clean => load,
    }
}

fn main() {}
