//! Errors of Arrow and Parquet in our own words: their texts can quote values.

use std::error::Error as StdError;
use std::io;

use arrow_schema::ArrowError;
use etl_core::{Error, ErrorKind};
use parquet::errors::ParquetError;

/// An error of the Parquet library with what was being done, such as `cannot read flights.parquet`.
pub(super) fn explain(kind: ErrorKind, doing: String, error: &(dyn StdError + 'static)) -> Error {
    if let Some(io) = io_error(error) {
        return Error::io(kind, doing, io);
    }
    let cause = match error.downcast_ref::<ParquetError>() {
        Some(ParquetError::EOF(_)) => "the file ends too early",
        Some(ParquetError::NYI(_)) => "the file uses a part of Parquet that is not supported",
        Some(ParquetError::General(_)) => "the file is not Parquet, or is damaged",
        _ => match error.downcast_ref::<ArrowError>() {
            Some(ArrowError::NotYetImplemented(_)) => "the file uses a part of Parquet that is not supported",
            Some(ArrowError::ParquetError(_)) => "the file is damaged",
            _ => "the library gave up",
        },
    };
    Error::new(kind, doing).caused_by(cause)
}

/// The I/O error inside, where there is one.
fn io_error<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e io::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return Some(io);
        }
        next = match (error.downcast_ref::<ParquetError>(), error.downcast_ref::<ArrowError>()) {
            (Some(ParquetError::External(inner)), _) => Some(inner.as_ref() as &(dyn StdError + 'static)),
            (_, Some(ArrowError::IoError(_, io))) => return Some(io),
            (_, Some(ArrowError::ExternalError(inner))) => Some(inner.as_ref() as &(dyn StdError + 'static)),
            _ => error.source(),
        };
    }
    None
}
