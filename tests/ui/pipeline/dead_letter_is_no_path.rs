//! Dead letters go to a setting that is no path.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[derive(Settings)]
struct Config {
    rejects: u32,
}

#[derive(Debug, thiserror::Error, StageError)]
enum CleanError {
    #[error("the number is negative")]
    #[on_error(reject)]
    Negative,
}

#[extractor]
fn read(_: &Config) -> Vec<Raw> {
    vec![]
}

#[filter]
fn positive(raw: &Raw) -> Result<bool, CleanError> {
    if raw.number < 0 { Err(CleanError::Negative) } else { Ok(true) }
}

#[loader]
fn load(_: &[Raw]) {}

pipeline! {
    Job {
        flow: read => positive => load,
        settings: Config,
        dead_letter: file(settings.rejects),
    }
}

fn main() {}
