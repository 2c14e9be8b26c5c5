//! One pipeline for each target.
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

#[loader]
fn archive(_: &[Raw]) {}

pipeline! {
    Job {
        flow: read => load,
    }
}

pipeline! {
    Archive {
        flow: read => archive,
    }
}

fn main() {}
