//! Writing a Parquet file.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{FieldRef, Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use etl_core::guarantee::Transactional;
use etl_core::record::codec::Encode;
use etl_core::target::{Abandoned, Keeps, Preparation, Recalled, Target, Transaction};
use etl_core::{Class, Error, ErrorKind, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_arrow::schema::{SchemaLike, TracingOptions};

use super::columns::{self, Unfit};
use super::errors::explain;
use super::options::{FEED, Options};
use super::sink::{Place, Sink};
use crate::files::PartLimits;

/// Where Parquet is written: a new file that appears when the run ends well
/// ([`create`](super::create)), or a directory of files ([`dataset`](super::dataset)). It takes the
/// records of one loader.
pub struct File<T> {
    place: Place,
    options: Options,
    schema: SchemaRef,
    encode: Encoding<T>,
}

/// Makes columns of records, by the type's own encoder or by serde.
type Encoding<T> = fn(&[T], &SchemaRef) -> Result<RecordBatch>;

/// A [`File`] that is open for writing.
pub struct Connection<T> {
    sink: Sink,
    encode: Encoding<T>,
    schema: SchemaRef,
    path: String,
    /// Committed, but not enough yet to feed the encoders.
    waiting: Vec<RecordBatch>,
    rows: usize,
    options: Options,
    /// A commit failed half-way: what is encoded is not known.
    broken: bool,
}

/// The open transaction of a [`File`]: what a loader takes as `&mut parquet::Writer<'_, T>`. Its
/// records are held in memory until it is committed.
pub struct Writer<'c, T> {
    connection: &'c mut Connection<T>,
    batches: Vec<RecordBatch>,
}

impl<T: 'static> File<T> {
    pub(super) fn new(path: &Path, dataset: Option<PartLimits>, options: Options) -> Self
    where
        T: Encode,
    {
        Self::with(path, dataset, options, columns::schema(T::SCHEMA), encode::<T>)
    }

    pub(super) fn new_serde(path: &Path, dataset: Option<PartLimits>, options: Options) -> Result<Self>
    where
        T: Serialize + DeserializeOwned,
    {
        let tracing =
            TracingOptions::default().strings_as_large_utf8(false).bytes_as_large_binary(false).enums_without_data_as_strings(true);
        // The library's words speak of the type only, but nothing promises that they always will.
        let fields = Vec::<FieldRef>::from_type::<T>(tracing).map_err(|_| {
            Error::new(ErrorKind::Config, format!("cannot write {}: the columns of its record cannot be told from serde", path.display()))
                .hint("the record must be a struct whose fields are plain values; or derive `Record`")
        })?;
        if let Some(nested) = fields.iter().find(|field| field.data_type().is_nested()) {
            return Err(Error::new(
                ErrorKind::Config,
                format!("cannot write {}: field `{}` is not a plain value", path.display(), nested.name()),
            ));
        }
        Ok(Self::with(path, dataset, options, Arc::new(Schema::new(fields)), encode_serde::<T>))
    }

    fn with(path: &Path, dataset: Option<PartLimits>, options: Options, schema: SchemaRef, encode: Encoding<T>) -> Self {
        Self { place: Place::new(path, dataset, &schema), options, schema, encode }
    }
}

fn encode<T: Encode>(records: &[T], schema: &SchemaRef) -> Result<RecordBatch> {
    columns::batch(records, schema).map_err(|error| match error {
        Unfit::TooLarge { column } => {
            Error::new(ErrorKind::Load, format!("column `{}` of one batch holds more than 2 GiB", T::SCHEMA[column].name))
                .with_class(Class::Reject)
                .with_code("parquet_rejected")
        }
        Unfit::Refused => Error::new(ErrorKind::Load, "the record's encoder does not show its columns as its schema lists them"),
    })
}

fn encode_serde<T: Serialize>(records: &[T], schema: &SchemaRef) -> Result<RecordBatch> {
    serde_arrow::to_record_batch(schema.fields(), &records).map_err(|_| {
        Error::new(ErrorKind::Load, "a record does not serialize as the columns of its type")
            .with_class(Class::Reject)
            .with_code("parquet_rejected")
    })
}

impl<T> Writer<'_, T> {
    /// Appends `records` to the file.
    ///
    /// # Errors
    /// A record that does not fit into its columns ([`ErrorKind::Load`], class *reject*).
    pub fn write(&mut self, records: &[T]) -> Result<()> {
        for records in records.chunks(FEED) {
            let batch = (self.connection.encode)(records, &self.connection.schema)?;
            self.batches.push(batch);
        }
        Ok(())
    }
}

impl<T> Connection<T> {
    fn usable(&self) -> Result<()> {
        if self.broken {
            return Err(Error::new(ErrorKind::Storage, format!("an earlier write to {} failed", self.path)));
        }
        Ok(())
    }

    /// Does what must not be done in part.
    fn guarded<O>(&mut self, work: impl FnOnce(&mut Self) -> Result<O>) -> Result<O> {
        self.broken = true;
        let done = work(self)?;
        self.broken = false;
        Ok(done)
    }

    /// Encodes what waits, and ends the file that is being written.
    fn end_part(&mut self) -> Result<()> {
        self.feed(true)?;
        self.sink.end_part(&self.schema, self.options)
    }

    /// Encodes what waits, in feeds of the right size; at the end also what is left.
    fn feed(&mut self, all: bool) -> Result<()> {
        while self.rows >= FEED || (all && self.rows > 0) {
            let batch = self.take(FEED)?;
            self.sink.write(batch, &self.schema, self.options)?;
        }
        Ok(())
    }

    /// Up to `count` of the records that wait, as one batch.
    fn take(&mut self, count: usize) -> Result<RecordBatch> {
        let mut parts = Vec::new();
        let mut missing = count.min(self.rows);
        self.rows -= missing;
        while missing > 0 {
            let Some(first) = self.waiting.first_mut() else { break };
            if first.num_rows() > missing {
                parts.push(first.slice(0, missing));
                *first = first.slice(missing, first.num_rows() - missing);
                break;
            }
            missing -= first.num_rows();
            parts.push(self.waiting.remove(0));
        }
        match <[RecordBatch; 1]>::try_from(parts) {
            Ok([batch]) => Ok(batch),
            Err(parts) => concat_batches(&self.schema, &parts).map_err(|error| cannot_write(&self.path, &error)),
        }
    }
}

pub(super) fn cannot_write(path: &str, error: &(dyn std::error::Error + 'static)) -> Error {
    explain(ErrorKind::Storage, format!("cannot write {path}"), error)
}

impl<T: 'static> Target for File<T> {
    type Connection = Connection<T>;
    type Transaction<'c> = Writer<'c, T>;
    type Class = Transactional;

    fn name(&self) -> Cow<'_, str> {
        self.place.name()
    }

    fn appears_whole(&self) -> bool {
        self.place.appears_whole()
    }

    fn keeps(&self) -> Keeps {
        Keeps::Mark
    }

    async fn recall(&self, mark: &str) -> Result<Recalled> {
        self.place.recall(mark)
    }

    async fn prepare(&self, preparation: Preparation) -> Result<()> {
        self.place.prepare(&preparation)
    }

    async fn connect(&self) -> Result<Connection<T>> {
        let (sink, path) = (self.place.connect()?, self.name().into_owned());
        let (schema, options) = (Arc::clone(&self.schema), self.options);
        Ok(Connection { sink, encode: self.encode, schema, path, waiting: Vec::new(), rows: 0, options, broken: false })
    }

    async fn checkpoint(&self, connection: &mut Connection<T>) -> Result<Option<String>> {
        connection.usable()?;
        if !connection.sink.is_due() {
            return Ok(None);
        }
        connection.guarded(|connection| {
            connection.end_part()?;
            connection.sink.checkpoint(false)
        })
    }

    async fn seal(&self, connection: &mut Connection<T>) -> Result<Option<String>> {
        connection.usable()?;
        connection.guarded(|connection| {
            connection.end_part()?;
            connection.sink.checkpoint(true)
        })
    }

    async fn begin<'c>(connection: &'c mut Connection<T>) -> Result<Writer<'c, T>> {
        connection.usable()?;
        Ok(Writer { connection, batches: Vec::new() })
    }

    async fn publish(&self, mut connection: Connection<T>) -> Result<()> {
        connection.usable()?;
        connection.end_part()?;
        connection.sink.publish()
    }

    async fn abandon(&self, connection: Connection<T>) -> Abandoned {
        connection.sink.abandon()
    }
}

impl<T: 'static> Transaction for Writer<'_, T> {
    type Target = File<T>;

    async fn commit(mut self) -> Result<()> {
        let rows = self.batches.iter().map(RecordBatch::num_rows).sum::<usize>();
        if rows == 0 {
            return Ok(());
        }
        let connection = self.connection;
        connection.rows += rows;
        connection.waiting.append(&mut self.batches);
        connection.guarded(|connection| {
            connection.sink.touch(rows as u64);
            connection.feed(false)?;
            if connection.sink.is_full() { connection.end_part() } else { Ok(()) }
        })
    }

    async fn rollback(self) -> Result<()> {
        Ok(())
    }
}

impl<T> std::fmt::Debug for File<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("File").field(&self.place.name()).finish()
    }
}

impl<T> std::fmt::Debug for Connection<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Connection").field(&self.path).finish()
    }
}

impl<T> std::fmt::Debug for Writer<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Writer").field(&self.connection.path).finish()
    }
}
