//! A class that there is.
use etl_core::prelude::*;

#[derive(Debug, thiserror::Error, StageError)]
enum CleanError {
    #[error("the number is negative")]
    #[on_error(reject)]
    Negative,
}

fn main() {}
