//! A class that is none.
use etl_core::prelude::*;

#[derive(Debug, thiserror::Error, StageError)]
enum CleanError {
    #[error("the number is negative")]
    #[on_error(rejected)]
    Negative,
}

fn main() {}
