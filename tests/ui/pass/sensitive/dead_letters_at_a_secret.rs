//! The path of the dead letters may be read by everybody.
use etl_core::prelude::*;

#[derive(Debug, Settings)]
pub struct Config {
    rejects: PathBuf,
}

#[derive(Debug, thiserror::Error, StageError)]
pub enum CleanError {
    #[error("the number is negative")]
    #[on_error(reject)]
    Negative,
}

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[extractor]
fn read() -> Vec<Raw> {
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
