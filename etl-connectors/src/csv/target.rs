//! Writing a CSV file.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use etl_core::guarantee::Transactional;
use etl_core::record::codec::{Encode, FieldVisitor};
use etl_core::record::{Column, ColumnType};
use etl_core::target::{Abandoned, Preparation, Target, Transaction};
use etl_core::{Error, ErrorKind, Result};
use serde::Serialize;

use super::options::Options;
use super::row::Row;
use crate::files::{Draft, Output, Single};
use crate::serde_rows::{self, Unwritable};

/// A new CSV file; made by [`create`](super::create). It takes the records of one loader, and
/// appears under its name when the run ends well.
pub struct File<T> {
    place: Single<Output>,
    options: Arc<Options>,
    encode: Encoder<T>,
    schema: Option<&'static [Column]>,
}

/// Writes records as lines, by the type's own encoder or by serde.
type Encoder<T> = fn(&[T], &mut Sheet<'_, '_>) -> Result<()>;

/// A [`File`] that is open for writing.
pub struct Connection<T> {
    output: Output,
    options: Arc<Options>,
    encode: Encoder<T>,
    fields: Option<serde_rows::Fields>,
    path: String,
}

/// The open transaction of a [`File`]: what a loader takes as `&mut csv::Writer<'_, T>`.
pub struct Writer<'c, T> {
    draft: Draft<'c>,
    options: &'c Options,
    encode: Encoder<T>,
    fields: &'c mut Option<serde_rows::Fields>,
    path: &'c str,
}

/// What an encoder writes to.
struct Sheet<'w, 'c> {
    draft: &'w mut Draft<'c>,
    options: &'w Options,
    fields: &'w mut Option<serde_rows::Fields>,
    path: &'w str,
}

impl<T: 'static> File<T> {
    pub(super) fn new(path: &Path, options: Options) -> Result<Self>
    where
        T: Encode,
    {
        if let Some(bytes) = T::SCHEMA.iter().find(|column| column.column_type == ColumnType::Bytes) {
            let message = format!("cannot write {}: column `{}` holds bytes, which CSV has no form for", path.display(), bytes.name);
            return Err(Error::new(ErrorKind::Config, message).hint("write Parquet, or make the column a text"));
        }
        Ok(Self { place: Single::new(path), options: Arc::new(options), encode: encode::<T>, schema: Some(T::SCHEMA) })
    }

    pub(super) fn new_serde(path: &Path, options: Options) -> Result<Self>
    where
        T: Serialize,
    {
        Ok(Self { place: Single::new(path), options: Arc::new(options), encode: encode_serde::<T>, schema: None })
    }
}

impl<T> Writer<'_, T> {
    /// Appends `records` to the file.
    ///
    /// # Errors
    /// The disk is full or fails ([`ErrorKind::Storage`]); with serde also a record that is no
    /// struct of plain values ([`ErrorKind::Load`]).
    pub fn write(&mut self, records: &[T]) -> Result<()> {
        let mut sheet = Sheet { draft: &mut self.draft, options: self.options, fields: self.fields, path: self.path };
        (self.encode)(records, &mut sheet)
    }
}

fn encode<T: Encode>(records: &[T], sheet: &mut Sheet<'_, '_>) -> Result<()> {
    let output = sheet.draft.output();
    for record in records {
        let mut row = Row::new(output.buffer(), sheet.options);
        record.encode(&mut row).map_err(|error| no_form(sheet.path, T::SCHEMA[error.column].name))?;
        row.end();
        output.spill()?;
    }
    Ok(())
}

fn encode_serde<T: Serialize>(records: &[T], sheet: &mut Sheet<'_, '_>) -> Result<()> {
    let output = sheet.draft.output();
    for record in records {
        if output.len() == 0 {
            let fields = serde_rows::fields_of(record).map_err(|error| unwritable(sheet.path, error, |never| match never {}))?;
            header(fields.iter().map(|(name, _)| &**name), output.buffer(), sheet.options);
            *sheet.fields = Some(fields);
        }
        let fields = sheet.fields.get_or_insert_default();
        let mut row = Row::new(output.buffer(), sheet.options);
        serde_rows::show(record, fields, &mut row)
            .map_err(|error| unwritable(sheet.path, error, |error| no_form(sheet.path, &fields[error.column].0)))?;
        row.end();
        output.spill()?;
    }
    Ok(())
}

fn no_form(path: &str, column: &str) -> Error {
    Error::new(ErrorKind::Load, format!("cannot write {path}: column `{column}` holds bytes, which CSV has no form for"))
}

fn unwritable<E>(path: &str, error: Unwritable<E>, refused: impl FnOnce(E) -> Error) -> Error {
    match error {
        Unwritable::Refused(error) => refused(error),
        other => Error::new(ErrorKind::Load, format!("cannot write {path}: {}", other.reason())),
    }
}

fn header<'n>(names: impl Iterator<Item = &'n str>, out: &mut Vec<u8>, options: &Options) {
    let mut row = Row::new(out, options);
    for (column, name) in names.enumerate() {
        // Texts always have a form.
        let _infallible = row.text(column, name);
    }
    row.end();
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
        let mut output = self.place.take(Output::create)?;
        if let Some(schema) = self.schema {
            header(schema.iter().map(|column| column.name), output.buffer(), &self.options);
        }
        Ok(Connection { output, options: Arc::clone(&self.options), encode: self.encode, fields: None, path: self.name().into_owned() })
    }

    async fn begin<'c>(connection: &'c mut Connection<T>) -> Result<Writer<'c, T>> {
        Ok(Writer {
            draft: Draft::begin(&mut connection.output)?,
            options: &connection.options,
            encode: connection.encode,
            fields: &mut connection.fields,
            path: &connection.path,
        })
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
        f.debug_tuple("Connection").field(&self.path).finish()
    }
}

impl<T> std::fmt::Debug for Writer<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Writer").field(&self.path).finish()
    }
}
