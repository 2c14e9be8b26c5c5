//! One class for all variants, said of the enum.
use etl_core::prelude::*;

#[derive(Debug, thiserror::Error, StageError)]
#[on_error(reject)]
pub enum CleanError {
    #[error("the number is negative")]
    #[on_error(reject)]
    Negative,
}

fn main() {}
