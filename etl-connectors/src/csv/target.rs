//! Writing a CSV file.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use etl_core::guarantee::Transactional;
use etl_core::record::ColumnType;
use etl_core::record::codec::{Encode, FieldVisitor};
use etl_core::target::{Abandoned, Keeps, Preparation, Recalled, Target, Transaction};
use etl_core::{Error, ErrorKind, Result};
use serde::Serialize;

use super::options::Options;
use super::row::Row;
use crate::files::{Compression, Draft, Kind, Layout, Text, TextTarget};
use crate::serde_rows::{self, Unwritable};

/// Where CSV is written: a new file that appears when the run ends well ([`create`](super::create)), a
/// file that grows ([`append`](super::append)), or a directory of files
/// ([`dataset`](super::dataset)). It takes the records of one loader.
pub struct File<T> {
    target: TextTarget,
    options: Arc<Options>,
    encode: Encoder<T>,
}

/// Writes records as lines, by the type's own encoder or by serde.
type Encoder<T> = fn(&[T], &mut Sheet<'_, '_>) -> Result<()>;

/// A [`File`] that is open for writing.
pub struct Connection<T> {
    text: Text,
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
    pub(super) fn new(path: &Path, kind: Kind, options: Options) -> Result<Self>
    where
        T: Encode,
    {
        if let Some(bytes) = T::SCHEMA.iter().find(|column| column.column_type == ColumnType::Bytes) {
            let message = format!("cannot write {}: column `{}` holds bytes, which CSV has no form for", path.display(), bytes.name);
            return Err(Error::new(ErrorKind::Config, message).hint("write Parquet, or make the column a text"));
        }
        let mut line = Vec::new();
        header(T::SCHEMA.iter().map(|column| column.name), &mut line, &options);
        Ok(Self::with(path, kind, options, encode::<T>, line))
    }

    pub(super) fn new_serde(path: &Path, kind: Kind, options: Options) -> Result<Self>
    where
        T: Serialize,
    {
        Ok(Self::with(path, kind, options, encode_serde::<T>, Vec::new()))
    }

    fn with(path: &Path, kind: Kind, options: Options, encode: Encoder<T>, header: Vec<u8>) -> Self {
        let compression = match (options.compression, kind) {
            (Some(compression), _) => compression,
            (None, Kind::Dataset(_)) => Compression::None,
            (None, _) => Compression::of_path(path),
        };
        let columns = String::from_utf8_lossy(&header).trim_end().to_owned();
        let format = format!("csv {:?} {:?} {compression:?} {columns}", char::from(options.delimiter), char::from(options.quote));
        let layout = Layout { compression, header: header.into(), format, extension: "csv" };
        Self { target: TextTarget::new(path, kind, layout), options: Arc::new(options), encode }
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
        (self.encode)(records, &mut sheet)?;
        self.draft.wrote(records.len());
        Ok(())
    }
}

fn encode<T: Encode>(records: &[T], sheet: &mut Sheet<'_, '_>) -> Result<()> {
    let output = sheet.draft.output()?;
    for record in records {
        let mut row = Row::new(output.buffer(), sheet.options);
        record.encode(&mut row).map_err(|error| no_form(sheet.path, T::SCHEMA[error.column].name))?;
        row.end();
        output.spill()?;
    }
    Ok(())
}

fn encode_serde<T: Serialize>(records: &[T], sheet: &mut Sheet<'_, '_>) -> Result<()> {
    let Some(first) = records.first() else { return Ok(()) };
    let empty = sheet.draft.output()?.len() == 0;
    if empty || sheet.fields.is_none() {
        *sheet.fields = Some(bind(first, empty, sheet)?);
    }
    let fields = sheet.fields.get_or_insert_default();
    let output = sheet.draft.output()?;
    for record in records {
        let mut row = Row::new(output.buffer(), sheet.options);
        serde_rows::show(record, fields, &mut row)
            .map_err(|error| unwritable(sheet.path, error, |error| no_form(sheet.path, &fields[error.column].0)))?;
        row.end();
        output.spill()?;
    }
    Ok(())
}

/// The fields that records are written as: those of the first record in an empty file, which begins
/// with their names; else those that the file has.
fn bind<T: Serialize>(first: &T, empty: bool, sheet: &mut Sheet<'_, '_>) -> Result<serde_rows::Fields> {
    if let (false, Some(known)) = (empty, sheet.draft.text().columns()) {
        return Ok(known.iter().map(|name| (name.as_str().into(), None)).collect());
    }
    let fields = serde_rows::fields_of(first).map_err(|error| unwritable(sheet.path, error, |never| match never {}))?;
    let mut line = Vec::new();
    header(fields.iter().map(|(name, _)| &**name), &mut line, sheet.options);
    if empty {
        sheet.draft.output()?.buffer().extend_from_slice(&line);
    } else if sheet.draft.text().first_line() != Some(&line) {
        let message = format!("cannot append to {}: its columns are not known to be those of the records", sheet.path);
        return Err(Error::new(ErrorKind::Config, message).hint("append to another file, or to one that is not compressed"));
    }
    sheet.draft.text().set_columns(fields.iter().map(|(name, _)| name.to_string()).collect());
    Ok(fields)
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
        Ok(Connection { text, options: Arc::clone(&self.options), encode: self.encode, fields: None, path: self.name().into_owned() })
    }

    async fn checkpoint(&self, connection: &mut Connection<T>) -> Result<Option<String>> {
        connection.text.checkpoint(false)
    }

    async fn seal(&self, connection: &mut Connection<T>) -> Result<Option<String>> {
        connection.text.checkpoint(true)
    }

    async fn begin<'c>(connection: &'c mut Connection<T>) -> Result<Writer<'c, T>> {
        Ok(Writer {
            draft: Draft::begin(&mut connection.text)?,
            options: &connection.options,
            encode: connection.encode,
            fields: &mut connection.fields,
            path: &connection.path,
        })
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
        f.debug_tuple("Connection").field(&self.path).finish()
    }
}

impl<T> std::fmt::Debug for Writer<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Writer").field(&self.path).finish()
    }
}
