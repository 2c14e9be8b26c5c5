//! A pipeline that may lose records, where that is asked for.
use etl_core::AtMostOnce;
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

fn every_night<P: AtMostOnce>() {}

fn main() {
    every_night::<Job>();
}
