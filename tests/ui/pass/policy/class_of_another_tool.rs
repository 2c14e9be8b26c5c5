//! A class by its name here.
use etl_core::prelude::*;

#[derive(Debug, thiserror::Error, StageError)]
pub enum CleanError {
    #[error("the number is negative")]
    #[on_error(reject)]
    Negative,
}

fn main() {}
