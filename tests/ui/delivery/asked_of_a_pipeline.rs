//! A pipeline that may lose records, where one is asked for that loads exactly once.
use etl_core::ExactlyOnce;
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
    Job {
        flow: read => load,
    }
}

fn every_night<P: ExactlyOnce>() {}

fn main() {
    every_night::<Job>();
}
