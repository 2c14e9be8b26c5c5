//! A retried load may double a record, and the pipeline says that this is all right.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[derive(Debug, thiserror::Error, StageError)]
enum TargetError {
    #[error("the target is away")]
    #[on_error(retry)]
    Away,
}

#[extractor(replayable)]
fn read() -> Vec<Raw> {
    vec![]
}

#[loader(retries = 3)]
fn load(_: &[Raw]) -> Result<(), TargetError> {
    Ok(())
}

pipeline! {
    Job {
        flow: read => load,
        delivery: at_least_once,
    }
}

fn main() {}
