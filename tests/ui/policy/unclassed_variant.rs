//! A variant of a stage's error has no class.
use etl_core::prelude::*;

#[derive(Debug, thiserror::Error, StageError)]
enum CleanError {
    #[error("the number is negative")]
    #[on_error(reject)]
    Negative,
    #[error("the registry is away")]
    Away,
}

fn main() {}
