//! How a CSV file is written down.

use std::path::Path;
use std::time::Duration;

use etl_core::record::Record;
use etl_core::record::codec::{Decode, Encode};
use etl_core::{Error, ErrorKind, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{File, Rows};
use crate::files::{Compression, Kind, Limits, MAX_RECORD, PartLimits};

/// How a CSV file is written down; made by [`options`](super::options).
///
/// ```
/// use etl_connectors::csv;
/// let semicolons = csv::options().delimiter(b';').nulls(["", "NA"]);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Options {
    pub(super) delimiter: u8,
    pub(super) quote: u8,
    pub(super) nulls: Nulls,
    pub(super) max_record: usize,
    pub(super) limits: Limits,
    /// Of files that are written; as their names say if `None`.
    pub(super) compression: Option<Compression>,
    parts: PartLimits,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            delimiter: b',',
            quote: b'"',
            nulls: Nulls::default(),
            max_record: MAX_RECORD,
            limits: Limits::default(),
            compression: None,
            parts: PartLimits::default(),
        }
    }
}

impl Options {
    /// What stands between two fields; `,` if not said.
    pub fn delimiter(mut self, delimiter: u8) -> Self {
        self.delimiter = delimiter;
        self
    }

    /// What encloses a field that holds a delimiter, a quote or a line break; `"` if not said.
    /// Written twice, it stands for itself.
    pub fn quote(mut self, quote: u8) -> Self {
        self.quote = quote;
        self
    }

    /// The texts that stand for a missing value in a column whose field is an `Option`; only the
    /// empty text if not said.
    pub fn nulls<I>(mut self, tokens: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.nulls = Nulls::new(tokens.into_iter().map(|token| token.into().into_bytes()));
        self
    }

    /// The longest record that is read, in bytes; 16 MiB if not said, 1 GiB at most. A longer one
    /// is malformed (`too_large`) and is never held in memory.
    pub fn max_record(mut self, bytes: usize) -> Self {
        self.max_record = bytes;
        self
    }

    /// How large the text of a compressed file may be, in bytes; 1 TiB if not said. Reading fails
    /// (`decompression_limit`) as soon as there is more.
    pub fn max_decompressed(mut self, bytes: u64) -> Self {
        self.limits.bytes = bytes;
        self
    }

    /// How many times as large as a compressed file its text may be, looked at while it is read and
    /// from the first 64 MiB of text on; 500 if not said. Reading fails (`decompression_limit`) as soon
    /// as there is more.
    pub fn max_ratio(mut self, ratio: u64) -> Self {
        self.limits.ratio = ratio;
        self
    }

    /// How files are compressed that are written; as the end of the name says (`.gz`, `.zst`) if not
    /// said, and in a dataset not at all.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = Some(compression);
        self
    }

    /// In a dataset: a file ends when it has so many bytes; 256 MiB if not said. It may have more, by
    /// what one transaction writes.
    pub fn part_size(mut self, bytes: u64) -> Self {
        self.parts.bytes = bytes;
        self
    }

    /// In a dataset: a file ends at the first checkpoint after so long, which commits it; 30 seconds if
    /// not said. A run that is killed loads again what it loaded since.
    pub fn part_age(mut self, age: Duration) -> Self {
        self.parts.age = age;
        self
    }

    /// Reads the file at `path`. Nothing is opened yet.
    ///
    /// # Errors
    /// Options that contradict each other ([`ErrorKind::Config`]).
    pub fn read<T: Record + Decode>(self, path: impl AsRef<Path>) -> Result<Rows<T>> {
        Rows::new(path.as_ref(), self.checked()?)
    }

    /// Reads the file at `path` into a type that only has serde. Nothing is opened yet.
    ///
    /// Column names are matched with the names of the fields; what serde says of a wrong value is
    /// replaced by words that do not quote it.
    ///
    /// # Errors
    /// Options that contradict each other ([`ErrorKind::Config`]).
    pub fn read_serde<T: Record + DeserializeOwned>(self, path: impl AsRef<Path>) -> Result<Rows<T>> {
        Rows::new_serde(path.as_ref(), self.checked()?)
    }

    /// Writes a new file at `path`. Nothing is made yet.
    ///
    /// # Errors
    /// Options that contradict each other, or a column of bytes, which CSV cannot hold
    /// ([`ErrorKind::Config`]).
    pub fn create<T: Encode + 'static>(self, path: impl AsRef<Path>) -> Result<File<T>> {
        File::new(path.as_ref(), Kind::Whole, self.checked()?)
    }

    /// Writes a new file at `path`, from a type that only has serde. Nothing is made yet.
    ///
    /// # Errors
    /// Options that contradict each other ([`ErrorKind::Config`]).
    pub fn create_serde<T: Serialize + 'static>(self, path: impl AsRef<Path>) -> Result<File<T>> {
        File::new_serde(path.as_ref(), Kind::Whole, self.checked()?)
    }

    /// Appends to the file at `path`, which is made if it is missing: for files that others read as they
    /// grow. Nothing is opened yet.
    ///
    /// Lines are visible before they are committed. When a run is killed, the next one cuts off what
    /// was not, and writes it again: a reader that must not see that reads only what a run that has
    /// ended left behind.
    ///
    /// # Errors
    /// Options that contradict each other, or a column of bytes, which CSV cannot hold
    /// ([`ErrorKind::Config`]).
    pub fn append<T: Encode + 'static>(self, path: impl AsRef<Path>) -> Result<File<T>> {
        File::new(path.as_ref(), Kind::Growing, self.checked()?)
    }

    /// The same from a type that only has serde.
    ///
    /// # Errors
    /// Options that contradict each other ([`ErrorKind::Config`]).
    pub fn append_serde<T: Serialize + 'static>(self, path: impl AsRef<Path>) -> Result<File<T>> {
        File::new_serde(path.as_ref(), Kind::Growing, self.checked()?)
    }

    /// Writes a directory of files, each of which is written once, and manifests that say which of them
    /// count. Nothing is made yet. See [`dataset`](super::dataset).
    ///
    /// # Errors
    /// Options that contradict each other, or a column of bytes, which CSV cannot hold
    /// ([`ErrorKind::Config`]).
    pub fn dataset<T: Encode + 'static>(self, directory: impl AsRef<Path>) -> Result<File<T>> {
        let kind = Kind::Dataset(self.parts);
        File::new(directory.as_ref(), kind, self.checked()?)
    }

    /// The same from a type that only has serde.
    ///
    /// # Errors
    /// Options that contradict each other ([`ErrorKind::Config`]).
    pub fn dataset_serde<T: Serialize + 'static>(self, directory: impl AsRef<Path>) -> Result<File<T>> {
        let kind = Kind::Dataset(self.parts);
        File::new_serde(directory.as_ref(), kind, self.checked()?)
    }

    fn checked(self) -> Result<Self> {
        let refused = |what: &str, byte: u8| {
            let message = format!("`{}` cannot be the {what} of a CSV file", byte.escape_ascii());
            Err(Error::new(ErrorKind::Config, message).hint("take a punctuation mark or a tab that no number contains"))
        };
        let usable = |byte: u8| byte.is_ascii() && !byte.is_ascii_alphanumeric() && !matches!(byte, b'\n' | b'\r' | 0 | b'-' | b'+' | b'.');
        if !usable(self.delimiter) {
            return refused("delimiter", self.delimiter);
        }
        if !usable(self.quote) || self.quote == self.delimiter {
            return refused("quote", self.quote);
        }
        Ok(self)
    }
}

/// The texts that stand for a missing value.
#[derive(Clone, Debug)]
pub(super) struct Nulls {
    /// The empty one is by far the most frequent.
    empty: bool,
    others: Vec<Box<[u8]>>,
    /// The first bytes of the others, because most fields begin with none of them.
    first: Box<[bool; 256]>,
}

impl Default for Nulls {
    fn default() -> Self {
        Self::new(std::iter::once(Vec::new()))
    }
}

impl Nulls {
    fn new(tokens: impl Iterator<Item = Vec<u8>>) -> Self {
        let (empty, others): (Vec<_>, Vec<_>) = tokens.map(Vec::into_boxed_slice).partition(|token| token.is_empty());
        let mut first = Box::new([false; 256]);
        others.iter().for_each(|token| first[usize::from(token[0])] = true);
        Self { empty: !empty.is_empty(), others, first }
    }

    #[inline]
    pub(super) fn contains(&self, field: &[u8]) -> bool {
        match field.first() {
            None => self.empty,
            Some(first) => self.first[usize::from(*first)] && self.others.iter().any(|token| **token == *field),
        }
    }
}
