//! Writing JSON lines.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use etl_core::guarantee::Transactional;
use etl_core::record::codec::Encode;
use etl_core::target::{Abandoned, Preparation, Target, Transaction};
use etl_core::{Error, ErrorKind, Result};
use serde::Serialize;

use super::object::{Keys, Object, keys};
use super::page::Page;
use crate::files::{Draft, Output, Single};

/// A new file of JSON lines; made by [`create`](super::create). It takes the records of one loader,
/// and appears under its name when the run ends well.
pub struct File<T> {
    place: Single<Output>,
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
    output: Output,
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
    pub(super) fn new(path: &Path) -> Self
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
        Self { place: Single::new(path), encode, keys: Arc::new(keys(T::SCHEMA)) }
    }

    pub(super) fn new_serde(path: &Path) -> Self
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
        Self { place: Single::new(path), encode, keys: Arc::default() }
    }
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
            self.draft.output().append(self.page.text())?;
            if refused {
                return Err(Error::new(ErrorKind::Load, "the record's type does not serialize as a JSON object"));
            }
            left = &left[done..];
        }
        Ok(())
    }
}

impl<T: 'static> Target for File<T> {
    type Connection = Connection<T>;
    type Transaction<'c> = Writer<'c, T>;
    type Class = Transactional;

    fn name(&self) -> Cow<'_, str> {
        self.place.path().to_string_lossy()
    }

    fn appears_whole(&self) -> bool {
        true
    }

    async fn prepare(&self, preparation: Preparation) -> Result<()> {
        self.place.prepare(preparation, Output::create)
    }

    async fn connect(&self) -> Result<Connection<T>> {
        let output = self.place.take(Output::create)?;
        Ok(Connection { output, encode: self.encode, keys: Arc::clone(&self.keys), page: Page::default() })
    }

    async fn begin<'c>(connection: &'c mut Connection<T>) -> Result<Writer<'c, T>> {
        let Connection { output, encode, keys, page } = connection;
        Ok(Writer { draft: Draft::begin(output)?, encode: *encode, keys, page })
    }

    async fn publish(&self, connection: Connection<T>) -> Result<()> {
        connection.output.publish()
    }

    async fn abandon(&self, connection: Connection<T>) -> Abandoned {
        drop(connection);
        Abandoned::Discarded
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
        f.debug_tuple("File").field(&self.place.path()).finish()
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
