//! Each variant without a class is named. errors: 3
use etl_core::prelude::*;

#[derive(Debug, thiserror::Error, StageError)]
enum CleanError {
    #[error("one")]
    One,
    #[error("two")]
    #[on_error(skip)]
    #[on_error(fail)]
    Two,
    #[error("three")]
    Three,
}

fn main() {}
