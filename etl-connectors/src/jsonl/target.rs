//! Writing JSON lines.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use etl_core::guarantee::Transactional;
use etl_core::record::codec::Encode;
use etl_core::target::{Abandoned, Keeps, Preparation, Recalled, Target, Transaction};
use etl_core::{Error, ErrorKind, Result};
use serde::Serialize;

use super::object::{Keys, Object, keys};
use super::page::Page;
use super::source::Options;
use crate::files::{Compression, Draft, Kind, Layout, Text, TextTarget};

/// Where JSON lines are written: a new file that appears when the run ends well
/// ([`create`](super::create)), a file that grows ([`append`](super::append)), or a directory of files
/// ([`dataset`](super::dataset)). It takes the records of one loader.
pub struct File<T> {
    target: TextTarget,
    encode: Encoder<T>,
    keys: Arc<Keys>,
}

/// Appends records as lines until the page is full, by the type's own encoder or by serde. Returns
/// how many of them, and whether the next one cannot be written.
type Encoder<T> = fn(&[T], &Keys, &mut Page) -> (usize, bool);

/// Text that is formatted before it is handed over.
const PAGE: usize = 256 << 10;

/// A [`File`] that is open for writing.
pub struct Connection<T> {
    text: Text,
    encode: Encoder<T>,
    keys: Arc<Keys>,
    page: Page,
}

/// The open transaction of a [`File`]: what a loader takes as `&mut jsonl::Writer<'_, T>`.
pub struct Writer<'c, T> {
    draft: Draft<'c>,
    encode: Encoder<T>,
    keys: &'c Keys,
    page: &'c mut Page,
}

impl<T> File<T> {
    pub(super) fn new(path: &Path, kind: Kind, options: Options) -> Self
    where
        T: Encode,
    {
        let encode: Encoder<T> = |records, keys, page| {
            for (done, record) in records.iter().enumerate() {
                if page.len() >= PAGE {
                    return (done, false);
                }
                let mut object = Object { page, keys };
                let Ok(()) = record.encode(&mut object);
                object.end();
            }
            (records.len(), false)
        };
        Self { target: target(path, kind, options), encode, keys: Arc::new(keys(T::SCHEMA)) }
    }

    pub(super) fn new_serde(path: &Path, kind: Kind, options: Options) -> Self
    where
        T: Serialize,
    {
        let encode: Encoder<T> = |records, _keys, page| {
            for (done, record) in records.iter().enumerate() {
                if page.len() >= PAGE {
                    return (done, false);
                }
                let start = page.len();
                // A line that is no object could not be read back.
                if serde_json::to_writer(&mut *page, record).is_err() || page.text().get(start) != Some(&b'{') {
                    page.truncate(start);
                    return (done, true);
                }
                page.push(b"\n");
            }
            (records.len(), false)
        };
        Self { target: target(path, kind, options), encode, keys: Arc::default() }
    }
}

/// How JSON lines are written.
impl Options {
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

    /// Writes a new file at `path`. Nothing is made yet.
    ///
    /// # Errors
    /// None yet; the place is looked at when the run starts.
    pub fn create<T: Encode + 'static>(self, path: impl AsRef<Path>) -> Result<File<T>> {
        Ok(File::new(path.as_ref(), Kind::Whole, self))
    }

    /// The same from a type that only has serde. Its values may be nested.
    ///
    /// # Errors
    /// None yet; the place is looked at when the run starts.
    pub fn create_serde<T: Serialize + 'static>(self, path: impl AsRef<Path>) -> Result<File<T>> {
        Ok(File::new_serde(path.as_ref(), Kind::Whole, self))
    }

    /// Appends to the file at `path`, which is made if it is missing: for files that others read as they
    /// grow. Nothing is opened yet.
    ///
    /// Lines are visible before they are committed. When a run is killed, the next one cuts off what
    /// was not, and writes it again: a reader that must not see that reads only what a run that has
    /// ended left behind.
    ///
    /// # Errors
    /// None yet; the place is looked at when the run starts.
    pub fn append<T: Encode + 'static>(self, path: impl AsRef<Path>) -> Result<File<T>> {
        Ok(File::new(path.as_ref(), Kind::Growing, self))
    }

    /// The same from a type that only has serde.
    ///
    /// # Errors
    /// None yet; the place is looked at when the run starts.
    pub fn append_serde<T: Serialize + 'static>(self, path: impl AsRef<Path>) -> Result<File<T>> {
        Ok(File::new_serde(path.as_ref(), Kind::Growing, self))
    }

    /// Writes a directory of files, each of which is written once, and manifests that say which of them
    /// count. Nothing is made yet. See [`dataset`](super::dataset).
    ///
    /// # Errors
    /// None yet; the place is looked at when the run starts.
    pub fn dataset<T: Encode + 'static>(self, directory: impl AsRef<Path>) -> Result<File<T>> {
        Ok(File::new(directory.as_ref(), Kind::Dataset(self.parts), self))
    }

    /// The same from a type that only has serde.
    ///
    /// # Errors
    /// None yet; the place is looked at when the run starts.
    pub fn dataset_serde<T: Serialize + 'static>(self, directory: impl AsRef<Path>) -> Result<File<T>> {
        Ok(File::new_serde(directory.as_ref(), Kind::Dataset(self.parts), self))
    }
}

fn target(path: &Path, kind: Kind, options: Options) -> TextTarget {
    let compression = match (options.compression, kind) {
        (Some(compression), _) => compression,
        (None, Kind::Dataset(_)) => Compression::None,
        (None, _) => Compression::of_path(path),
    };
    let layout = Layout { compression, header: Arc::default(), format: format!("jsonl {compression:?}"), extension: "jsonl" };
    TextTarget::new(path, kind, layout)
}

impl<T> Writer<'_, T> {
    /// Appends `records` to the file.
    ///
    /// # Errors
    /// The disk is full or fails ([`ErrorKind::Storage`]); with serde also a record that refuses to
    /// be serialized or is no object ([`ErrorKind::Load`]).
    pub fn write(&mut self, records: &[T]) -> Result<()> {
        let mut left = records;
        while !left.is_empty() {
            self.page.truncate(0);
            let (done, refused) = (self.encode)(left, self.keys, self.page);
            self.draft.output()?.append(self.page.text())?;
            if refused {
                return Err(Error::new(ErrorKind::Load, "the record's type does not serialize as a JSON object"));
            }
            left = &left[done..];
        }
        self.draft.wrote(records.len());
        Ok(())
    }
}

impl<T: 'static> Target for File<T> {
    type Connection = Connection<T>;
    type Transaction<'c> = Writer<'c, T>;
    type Class = Transactional;

    fn name(&self) -> Cow<'_, str> {
        self.target.name()
    }

    fn appears_whole(&self) -> bool {
        self.target.appears_whole()
    }

    fn keeps(&self) -> Keeps {
        Keeps::Mark
    }

    async fn recall(&self, mark: &str) -> Result<Recalled> {
        self.target.recall(mark)
    }

    async fn prepare(&self, preparation: Preparation) -> Result<()> {
        self.target.prepare(&preparation)
    }

    async fn connect(&self) -> Result<Connection<T>> {
        let text = self.target.connect()?;
        Ok(Connection { text, encode: self.encode, keys: Arc::clone(&self.keys), page: Page::default() })
    }

    async fn checkpoint(&self, connection: &mut Connection<T>) -> Result<Option<String>> {
        connection.text.checkpoint(false)
    }

    async fn seal(&self, connection: &mut Connection<T>) -> Result<Option<String>> {
        connection.text.checkpoint(true)
    }

    async fn begin<'c>(connection: &'c mut Connection<T>) -> Result<Writer<'c, T>> {
        let Connection { text, encode, keys, page } = connection;
        Ok(Writer { draft: Draft::begin(text)?, encode: *encode, keys, page })
    }

    async fn publish(&self, connection: Connection<T>) -> Result<()> {
        connection.text.publish()
    }

    async fn abandon(&self, connection: Connection<T>) -> Abandoned {
        connection.text.abandon()
    }
}

impl<T: 'static> Transaction for Writer<'_, T> {
    type Target = File<T>;

    async fn commit(self) -> Result<()> {
        self.draft.commit()
    }

    async fn rollback(self) -> Result<()> {
        self.draft.rollback()
    }
}

impl<T> std::fmt::Debug for File<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("File").field(&self.target.path()).finish()
    }
}

impl<T> std::fmt::Debug for Connection<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl<T> std::fmt::Debug for Writer<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}
