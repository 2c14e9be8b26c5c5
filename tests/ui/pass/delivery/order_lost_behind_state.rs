//! The order is lost before a stage that keeps state.
use etl_core::prelude::*;

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[extractor(replayable)]
fn read() -> Vec<Raw> {
    vec![]
}

#[derive(Default, serde::Serialize, serde::Deserialize)]
pub struct Seen {
    numbers: std::collections::HashSet<i64>,
}

#[transform]
fn once(raw: Raw, seen: &mut Seen) -> Option<Raw> {
    seen.numbers.insert(raw.number).then_some(raw)
}

#[transform(concurrency = 8, unordered)]
async fn find(raw: Raw) -> Raw {
    raw
}

#[loader]
fn load(_: &[Raw]) {}

pipeline! {
    Job {
        flow: read => find => once => load,
        delivery: at_least_once,
    }
}

fn main() {}
