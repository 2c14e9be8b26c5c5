//! Each variant has one class.
use etl_core::prelude::*;

#[derive(Debug, thiserror::Error, StageError)]
enum CleanError {
    #[error("one")]
    #[on_error(retry)]
    One,
    #[error("two")]
    #[on_error(skip)]
    Two,
    #[error("three")]
    #[on_error(reject)]
    Three,
}

fn main() {}
