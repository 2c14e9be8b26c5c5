//! A variant with two classes.
use etl_core::prelude::*;

#[derive(Debug, thiserror::Error, StageError)]
pub enum CleanError {
    #[error("the number is negative")]
    #[on_error(reject)]
    #[on_error(fail)]
    Negative,
}

fn main() {}
