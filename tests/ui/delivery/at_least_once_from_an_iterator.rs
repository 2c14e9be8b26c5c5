//! `at_least_once` from an iterator: a record that was under way in a crash is gone.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[extractor]
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
