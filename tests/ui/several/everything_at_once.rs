//! All mistakes of one macro call are reported together. errors: 6
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[derive(Debug, thiserror::Error, StageError)]
enum CleanError {
    #[error("the number is negative")]
    #[on_error(skip)]
    Negative,
}

#[extractor(replayable)]
fn read() -> Vec<Raw> {
    vec![]
}

#[filter]
fn positive(raw: &Raw) -> Result<bool, CleanError> {
    if raw.number < 0 { Err(CleanError::Negative) } else { Ok(true) }
}

#[loader]
fn load(_: &[Raw]) {}

#[transform(concurency = 8, batch = "500", timeout = "1 fortnight", backoff = "1s")]
async fn same(raw: Raw) -> Raw {
    raw
}

pipeline! {
    Job {
        error_threshold: 0%,
        delivery: twice,
        flow: read => positive => same => load,
    }
}

fn main() {}
