//! JSON lines: one object a line.
//!
//! ```no_run
//! # use etl_core::record::{Record, codec::{Decode, Encode}};
//! # use etl_connectors::jsonl;
//! fn events<Event: Record + Decode>() -> etl_core::Result<jsonl::Rows<Event>> {
//!     jsonl::read("events.jsonl")
//! }
//!
//! fn output<Event: Encode + 'static>() -> etl_core::Result<jsonl::File<Event>> {
//!     jsonl::create("clean.jsonl")
//! }
//!
//! fn write<Event>(events: &[Event], file: &mut jsonl::Writer<'_, Event>) -> etl_core::Result<()> {
//!     file.write(events)
//! }
//! ```
//!
//! Keys are bound to columns by name. Keys that the record does not have are ignored, of a key that
//! stands twice the last one counts, and a key that is absent is a missing value, as `null` is.
//! Blank lines are no records. Types are not converted: a number in quotes is a text. Bytes are an
//! array of numbers; `NaN` and the infinities, which JSON does not know, are written as `null`.
//!
//! What cannot be decoded is a malformed record, by one of these codes: `not_json` (not one JSON
//! object), `field` (a value that its column's type cannot hold), `not_utf8`, `too_large`.
//!
//! A file that `gzip` or `zstd` has compressed is read as the text that it holds (features `gzip` and
//! `zstd`), which its first bytes tell and not its name; positions are those of the text. It may not
//! become larger than [`Options::max_decompressed`] and [`Options::max_ratio`] say, and one that ends
//! too early is an error (`truncated`), though only when its end is reached.
//!
//! A run goes on behind the last record that an earlier one was done with, also where the file has grown
//! since. Where the file ended without a line end, what it has got since may belong to its last record:
//! if so, or if no record ends any more where one ended, it is refused (`source_changed`).

mod object;
mod page;
mod scan;
mod slots;
mod source;
mod target;

use std::path::Path;

use etl_core::Result;
use etl_core::record::Record;
use etl_core::record::codec::{Decode, Encode};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use source::{Options, Rows};
pub use target::{Connection, File, Writer};

/// Objects of up to 16 MiB, unless said otherwise.
pub fn options() -> Options {
    Options::default()
}

/// Reads a file of JSON lines. Nothing is opened yet.
///
/// # Errors
/// None yet; the file is looked at when the run starts.
pub fn read<T: Record + Decode>(path: impl AsRef<Path>) -> Result<Rows<T>> {
    options().read(path)
}

/// Reads a file of JSON lines into a type that only has serde. Its values may be nested.
///
/// # Errors
/// None yet; the file is looked at when the run starts.
pub fn read_serde<T: Record + DeserializeOwned>(path: impl AsRef<Path>) -> Result<Rows<T>> {
    options().read_serde(path)
}

/// Writes a new file of JSON lines. Nothing is made yet.
///
/// # Errors
/// None yet; the place is looked at when the run starts.
pub fn create<T: Encode + 'static>(path: impl AsRef<Path>) -> Result<File<T>> {
    options().create(path)
}

/// Writes a new file of JSON lines from a type that only has serde. Its values may be nested.
///
/// # Errors
/// None yet; the place is looked at when the run starts.
pub fn create_serde<T: Serialize + 'static>(path: impl AsRef<Path>) -> Result<File<T>> {
    options().create_serde(path)
}

/// Appends to a file of JSON lines, which is made if it is missing, with the usual [`options`]. See
/// [`Options::append`].
///
/// # Errors
/// None yet; the place is looked at when the run starts.
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
/// None yet; the place is looked at when the run starts.
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
