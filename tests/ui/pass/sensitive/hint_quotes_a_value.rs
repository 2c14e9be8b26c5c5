//! The hint of an error is a fixed text.
use etl_core::prelude::*;

#[derive(Debug, thiserror::Error, StageError)]
pub enum CleanError {
    #[error("carrier {0} is unknown")]
    #[on_error(reject)]
    #[hint("add the carrier to the registry")]
    UnknownCarrier(String),
}

fn main() {}
