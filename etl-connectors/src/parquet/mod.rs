//! Parquet files.
//!
//! ```no_run
//! # use etl_core::record::{Record, codec::{Decode, Encode}};
//! # use etl_connectors::parquet;
//! fn flights<Flight: Record + Decode>() -> etl_core::Result<parquet::Rows<Flight>> {
//!     parquet::read("flights.parquet")
//! }
//!
//! fn output<Flight: Encode + 'static>() -> etl_core::Result<parquet::File<Flight>> {
//!     parquet::options().compression(parquet::Compression::Zstd).create("clean.parquet")
//! }
//!
//! fn write<Flight>(flights: &[Flight], file: &mut parquet::Writer<'_, Flight>) -> etl_core::Result<()> {
//!     file.write(flights)
//! }
//! ```
//!
//! Columns are bound by name, and only those of the record are read. A column of the file may have
//! another type if every value of it has a place in the field: any whole number for any whole
//! number (each value is looked at), `Float32` and whole numbers of up to 32 bits for an `f64`, any
//! text or dictionary of texts for a text, any binary or text for bytes.
//!
//! A value that its field cannot hold is a malformed record (`field`, `not_utf8`).

mod bound;
mod columns;
mod encoder;
mod errors;
mod identity;
mod options;
mod rows;
mod sink;
mod source;
mod target;

use std::path::Path;

use etl_core::Result;
use etl_core::record::Record;
use etl_core::record::codec::{Decode, Encode};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use options::{Compression, Options};
pub use source::Rows;
pub use target::{Connection, File, Writer};

/// Snappy and row groups of 131,072 records, unless said otherwise.
pub fn options() -> Options {
    Options::default()
}

/// Reads a Parquet file. Nothing is opened yet.
///
/// # Errors
/// None yet; the file is looked at when the run starts.
pub fn read<T: Record + Decode>(path: impl AsRef<Path>) -> Result<Rows<T>> {
    Ok(Rows::new(path.as_ref()))
}

/// Reads a Parquet file into a type that only has serde; columns that are neither numbers, texts
/// nor bytes are left out.
///
/// # Errors
/// None yet; the file is looked at when the run starts.
pub fn read_serde<T: Record + DeserializeOwned>(path: impl AsRef<Path>) -> Result<Rows<T>> {
    Ok(Rows::new_serde(path.as_ref()))
}

/// Writes a new Parquet file with the usual [`options`]. Nothing is made yet.
///
/// # Errors
/// None yet; the place is looked at when the run starts.
pub fn create<T: Encode + 'static>(path: impl AsRef<Path>) -> Result<File<T>> {
    options().create(path)
}

/// Writes a new Parquet file from a type that only has serde. See [`Options::create_serde`].
///
/// # Errors
/// A type whose columns cannot be told ([`etl_core::ErrorKind::Config`]).
pub fn create_serde<T: Serialize + DeserializeOwned + 'static>(path: impl AsRef<Path>) -> Result<File<T>> {
    options().create_serde(path)
}

/// Writes a directory of files with the usual [`options`]. Nothing is made yet.
///
/// The newest `manifest-<generation>.json` lists the files that count (`parts`: name, bytes, CRC-32C,
/// rows), and says whether the run has ended (`finished`). Who reads exactly what is committed reads
/// the files that it lists. Who reads whatever is in the directory sees every file complete, but may
/// see some of a commit that is under way, or of a run that was killed: the next run removes those,
/// with the manifests that list them if the run's checkpoint does not know of them yet.
///
/// The directory must be empty, missing, or a dataset; `--replace` empties one that has records.
///
/// # Errors
/// None yet; the place is looked at when the run starts.
pub fn dataset<T: Encode + 'static>(directory: impl AsRef<Path>) -> Result<File<T>> {
    options().dataset(directory)
}

/// The same from a type that only has serde.
///
/// # Errors
/// A type whose columns cannot be told ([`etl_core::ErrorKind::Config`]).
pub fn dataset_serde<T: Serialize + DeserializeOwned + 'static>(directory: impl AsRef<Path>) -> Result<File<T>> {
    options().dataset_serde(directory)
}
