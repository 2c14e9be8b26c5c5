//! Every variant of a stage's error has a class.
use etl_core::prelude::*;

#[derive(Debug, thiserror::Error, StageError)]
enum CleanError {
    #[error("the number is negative")]
    #[on_error(reject)]
    Negative,
    #[error("the registry is away")]
    #[on_error(retry)]
    Away,
}

fn main() {}
