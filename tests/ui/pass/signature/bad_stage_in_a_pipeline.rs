//! A stage with a class for its error, in a pipeline.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[extractor]
fn read() -> Vec<Raw> {
    vec![]
}

#[transform(retries = 3)]
fn parse(raw: &Raw) -> Result<Vec<Raw>> {
    Ok(vec![Raw { number: raw.number }])
}

#[loader]
fn load(_: &[Raw]) {}

pipeline! {
    Job {
        flow: read => parse => load,
    }
}

fn main() {}
