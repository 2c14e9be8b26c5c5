//! `at_least_once` from an iterator that yields the same whenever it is made.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[extractor(replayable)]
fn read() -> impl Iterator<Item = Raw> {
    (0..3).map(|number| Raw { number })
}

#[loader]
fn load(_: &[Raw]) {}

pipeline! {
    Job {
        flow: read => load,
        delivery: at_least_once,
    }
}

fn main() {}
