//! The enum has a class, and its variants have none.
use etl_core::prelude::*;

#[derive(Debug, thiserror::Error, StageError)]
#[on_error(skip)]
pub enum CleanError {
    #[error("the number is negative")]
    Negative,
    #[error("the number is zero")]
    Zero,
}

fn main() {}
