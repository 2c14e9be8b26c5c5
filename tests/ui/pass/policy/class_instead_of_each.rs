//! Every variant says what becomes of its records.
use etl_core::prelude::*;

#[derive(Debug, thiserror::Error, StageError)]
pub enum CleanError {
    #[error("the number is negative")]
    #[on_error(skip)]
    Negative,
    #[error("the number is zero")]
    #[on_error(skip)]
    Zero,
}

fn main() {}
