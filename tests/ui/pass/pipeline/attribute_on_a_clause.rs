//! Two pipelines, one of which is there only sometimes.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[extractor]
fn read() -> Vec<Raw> {
    vec![]
}

#[loader]
fn load(_: &[Raw]) {}

pipeline! {
    #[cfg(test)]
    Job {
        flow: read => load,
        memory: "16 MiB",
    }
}

pipeline! {
    #[cfg(not(test))]
    Job {
        flow: read => load,
    }
}

fn main() {}
