//! How a Parquet file is written.

use std::path::Path;
use std::time::Duration;

use etl_core::Result;
use etl_core::record::codec::Encode;
use parquet::basic::{Compression as Codec, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::File;
use crate::files::PartLimits;

/// Records that the column encoders are fed at a time: fewer cost more a record.
pub(super) const FEED: usize = 8_192;

/// How a Parquet file is written; made by [`options`](super::options).
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Options {
    compression: Compression,
    row_group: usize,
    parts: PartLimits,
}

/// How the pages of a Parquet file are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    None,
    /// Snappy: fast, and read by everything.
    #[default]
    Snappy,
    /// Zstandard, level 3: smaller, for a fifth more time.
    Zstd,
}

impl Default for Options {
    fn default() -> Self {
        Self { compression: Compression::default(), row_group: 16 * FEED, parts: PartLimits::default() }
    }
}

impl Options {
    /// How pages are compressed; [`Compression::Snappy`] if not said.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Records in a row group, rounded up to a multiple of 8,192; 131,072 if not said. A row group
    /// is held in memory, encoded, until it is full.
    pub fn row_group(mut self, records: usize) -> Self {
        self.row_group = records.clamp(1, 1 << 30).next_multiple_of(FEED);
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

    /// Writes a new file at `path`. Nothing is made yet.
    ///
    /// # Errors
    /// None yet; the place is looked at when the run starts.
    pub fn create<T: Encode + 'static>(self, path: impl AsRef<Path>) -> Result<File<T>> {
        Ok(File::new(path.as_ref(), None, self))
    }

    /// Writes a new file at `path`, from a type that only has serde. The columns are found by
    /// deserializing the type from placeholders.
    ///
    /// # Errors
    /// A type whose columns cannot be told ([`etl_core::ErrorKind::Config`]).
    pub fn create_serde<T: Serialize + DeserializeOwned + 'static>(self, path: impl AsRef<Path>) -> Result<File<T>> {
        File::new_serde(path.as_ref(), None, self)
    }

    /// Writes a directory of files, each of which is written once, and manifests that say which of them
    /// count. Nothing is made yet. See [`dataset`](super::dataset).
    ///
    /// # Errors
    /// None yet; the place is looked at when the run starts.
    pub fn dataset<T: Encode + 'static>(self, directory: impl AsRef<Path>) -> Result<File<T>> {
        Ok(File::new(directory.as_ref(), Some(self.parts), self))
    }

    /// The same from a type that only has serde. See [`create_serde`](Self::create_serde).
    ///
    /// # Errors
    /// A type whose columns cannot be told ([`etl_core::ErrorKind::Config`]).
    pub fn dataset_serde<T: Serialize + DeserializeOwned + 'static>(self, directory: impl AsRef<Path>) -> Result<File<T>> {
        File::new_serde(directory.as_ref(), Some(self.parts), self)
    }

    pub(super) fn row_group_size(self) -> usize {
        self.row_group
    }

    pub(super) fn properties(self) -> WriterProperties {
        let codec = match self.compression {
            Compression::None => Codec::UNCOMPRESSED,
            Compression::Snappy => Codec::SNAPPY,
            Compression::Zstd => Codec::ZSTD(ZstdLevel::try_new(3).unwrap_or_default()),
        };
        WriterProperties::builder().set_compression(codec).set_max_row_group_row_count(Some(self.row_group)).build()
    }
}
