//! CSV files: a header, then one record a line.
//!
//! Reading, in an extractor; the record's type is that of the function:
//! ```no_run
//! # use etl_core::record::{Record, codec::Decode};
//! # use etl_connectors::csv;
//! fn flights<Flight: Record + Decode>() -> etl_core::Result<csv::Rows<Flight>> {
//!     csv::options().nulls(["", "NA"]).read("flights.csv")
//! }
//! ```
//! Writing, in a resource and a loader:
//! ```no_run
//! # use etl_core::record::codec::Encode;
//! # use etl_connectors::csv;
//! fn output<Flight: Encode + 'static>() -> etl_core::Result<csv::File<Flight>> {
//!     csv::create("clean.csv")
//! }
//!
//! fn write<Flight>(flights: &[Flight], file: &mut csv::Writer<'_, Flight>) -> etl_core::Result<()> {
//!     file.write(flights)
//! }
//! ```
//!
//! The grammar is that of the `csv` crate (RFC 4180, with any of `\n`, `\r` and `\r\n` at the end
//! of a record, and empty lines left out). Columns are bound by name, in any order; columns that
//! the record does not have are ignored. Nothing is trimmed.
//!
//! What cannot be decoded is a malformed record, by one of these codes: `ragged` (more or fewer
//! fields than the header), `field` (a value that its column's type cannot hold), `not_utf8`,
//! `too_large`, `unclosed_quote`.
//!
//! A file that `gzip` or `zstd` has compressed is read as the text that it holds (features `gzip` and
//! `zstd`), which its first bytes tell and not its name; positions are those of the text. It may not
//! become larger than [`Options::max_decompressed`] and [`Options::max_ratio`] say, and one that ends
//! too early is an error (`truncated`), though only when its end is reached.
//!
//! A run goes on behind the last record that an earlier one was done with, also where the file has grown
//! since. Where the file ended without a line end, what it has got since may belong to its last record:
//! if so, or if no record ends any more where one ended, it is refused (`source_changed`).

mod fields;
mod header;
mod line;
mod number;
mod options;
mod row;
mod scan;
mod source;
mod target;
mod words;

use std::path::Path;

use etl_core::Result;
use etl_core::record::Record;
use etl_core::record::codec::{Decode, Encode};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use options::Options;
pub use source::Rows;
pub use target::{Connection, File, Writer};

/// Commas, double quotes, and the empty text for a missing value, unless said otherwise.
pub fn options() -> Options {
    Options::default()
}

/// Reads a CSV file with the usual [`options`]. Nothing is opened yet.
///
/// # Errors
/// None yet; the file is looked at when the run starts.
pub fn read<T: Record + Decode>(path: impl AsRef<Path>) -> Result<Rows<T>> {
    options().read(path)
}

/// Reads a CSV file into a type that only has serde. See [`Options::read_serde`].
///
/// # Errors
/// None yet; the file is looked at when the run starts.
pub fn read_serde<T: Record + DeserializeOwned>(path: impl AsRef<Path>) -> Result<Rows<T>> {
    options().read_serde(path)
}

/// Writes a new CSV file with the usual [`options`]. Nothing is made yet.
///
/// # Errors
/// A column of bytes, which CSV cannot hold ([`etl_core::ErrorKind::Config`]).
pub fn create<T: Encode + 'static>(path: impl AsRef<Path>) -> Result<File<T>> {
    options().create(path)
}

/// Writes a new CSV file from a type that only has serde. The header has the names of the fields of
/// the first record; a file without records is empty.
///
/// # Errors
/// None yet; the place is looked at when the run starts.
pub fn create_serde<T: Serialize + 'static>(path: impl AsRef<Path>) -> Result<File<T>> {
    options().create_serde(path)
}

/// Appends to a CSV file, which is made if it is missing, with the usual [`options`]. See
/// [`Options::append`].
///
/// # Errors
/// A column of bytes, which CSV cannot hold ([`etl_core::ErrorKind::Config`]).
pub fn append<T: Encode + 'static>(path: impl AsRef<Path>) -> Result<File<T>> {
    options().append(path)
}

/// The same from a type that only has serde.
///
/// # Errors
/// None yet; the place is looked at when the run starts.
pub fn append_serde<T: Serialize + 'static>(path: impl AsRef<Path>) -> Result<File<T>> {
    options().append_serde(path)
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
/// A column of bytes, which CSV cannot hold ([`etl_core::ErrorKind::Config`]).
pub fn dataset<T: Encode + 'static>(directory: impl AsRef<Path>) -> Result<File<T>> {
    options().dataset(directory)
}

/// The same from a type that only has serde.
///
/// # Errors
/// None yet; the place is looked at when the run starts.
pub fn dataset_serde<T: Serialize + 'static>(directory: impl AsRef<Path>) -> Result<File<T>> {
    options().dataset_serde(directory)
}
