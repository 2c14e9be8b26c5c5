//! The entry of a binary is called in its `main`.
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
fn load(_: &[Raw]) {}

pipeline! {
    Job {
        flow: read => load,
    }
}

fn main() {
    etl_core::main!(Job);
}
