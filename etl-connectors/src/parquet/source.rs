//! Reading a Parquet file.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use etl_core::guarantee::Replayable;
use etl_core::position::Cursor;
use etl_core::record::codec::Decode;
use etl_core::record::{Column, Problem, Record};
use etl_core::source::{BoxChunk, Chunk, Decoded, Identity, Malformed, Source, SourceInfo, Wanted};
use etl_core::{Error, ErrorKind, Result};
use futures::FutureExt;
use futures::future::BoxFuture;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use serde::de::DeserializeOwned;

use super::bound::{Bound, fits, readable};
use super::errors::explain;
use super::identity::identity;
use super::rows::{Batch, Row};
use crate::files::{open_source, partition, source_size};
use crate::serde_rows::from_fields;

/// The records of a Parquet file; made by [`read`](super::read).
///
/// A position is the number of the row in the file.
pub struct Rows<T> {
    path: PathBuf,
    schema: Option<&'static [Column]>,
    decode: Decoder<T>,
    /// The number of the row at which reading begins.
    from: u64,
    open: Option<Open>,
}

/// Decodes a batch, by the type's own decoder or by serde.
type Decoder<T> = fn(&Batch, &Binding) -> (Vec<T>, Option<Vec<u32>>, Vec<Malformed>);

/// The columns that are read, and where those of the schema are among them.
struct Binding {
    names: Vec<Box<str>>,
    of_schema: Vec<Option<usize>>,
}

struct Open {
    reader: ParquetRecordBatchReader,
    binding: Arc<Binding>,
    partition: Arc<str>,
    next: u64,
    bytes_per_row: u64,
}

impl<T> Rows<T> {
    pub(super) fn new(path: &Path) -> Self
    where
        T: Decode,
    {
        Self { path: path.to_owned(), schema: Some(T::SCHEMA), decode: decode::<T>, from: 0, open: None }
    }

    pub(super) fn new_serde(path: &Path) -> Self
    where
        T: DeserializeOwned,
    {
        Self { path: path.to_owned(), schema: None, decode: decode_serde::<T>, from: 0, open: None }
    }

    fn open(&self, wanted: Wanted) -> Result<Open> {
        let file = open_source(&self.path)?;
        let size = file.metadata().map_or(0, |metadata| metadata.len());
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| self.unreadable(&error))?;
        let rows = u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
        let groups = builder.metadata().row_groups().iter().map(|group| u64::try_from(group.num_rows()).unwrap_or(0));
        let Some((groups, before)) = behind(self.from, groups) else {
            return Err(Error::new(
                ErrorKind::Extraction,
                format!("{} has changed since an earlier run: it has fewer rows", self.path.display()),
            )
            .with_code("source_changed")
            .hint("put the earlier file back, or read this one from its beginning by `--fresh`"));
        };
        let (roots, binding) = self.bind(builder.schema())?;
        let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
        let reader = builder
            .with_projection(mask)
            .with_row_groups(groups.collect())
            .with_offset(usize::try_from(before).unwrap_or(usize::MAX))
            .with_batch_size(wanted.records.clamp(1, 1 << 20))
            .build()
            .map_err(|error| self.unreadable(&error))?;
        Ok(Open {
            reader,
            binding: Arc::new(binding),
            partition: partition(&self.path),
            next: self.from,
            bytes_per_row: size / rows.max(1),
        })
    }

    /// Which columns of the file to read, and which of them is which.
    fn bind(&self, found: &arrow_schema::Schema) -> Result<(Vec<usize>, Binding)> {
        let fields = found.fields();
        let fails = |what: String| Error::new(ErrorKind::Extraction, format!("{}: {what}", self.path.display()));
        let twice = |name: &str| fails(format!("the file has the column `{name}` more than once"));
        let Some(schema) = self.schema else {
            let roots: Vec<usize> = (0..fields.len()).filter(|root| readable(fields[*root].data_type())).collect();
            let names: Vec<Box<str>> = roots.iter().map(|root| Box::from(fields[*root].name().as_str())).collect();
            if let Some((_, name)) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
                return Err(twice(name));
            }
            let of_schema = (0..names.len()).map(Some).collect();
            return Ok((roots, Binding { names, of_schema }));
        };
        let mut missing = Vec::new();
        let mut root_of = Vec::with_capacity(schema.len());
        for column in schema {
            let mut places = (0..fields.len()).filter(|root| fields[*root].name() == column.name);
            let root = places.next();
            if places.next().is_some() {
                return Err(twice(column.name));
            }
            match root {
                Some(root) if !fits(column.column_type, fields[root].data_type()) => {
                    let (wanted, found) = (column.column_type.as_str(), fields[root].data_type());
                    return Err(fails(format!("column `{}` should be {wanted}, but the file has {found}", column.name))
                        .hint("give the field a type that holds every value of the column"));
                }
                None if !column.optional => missing.push(format!("`{}`", column.name)),
                _ => {}
            }
            root_of.push(root);
        }
        if !missing.is_empty() {
            let there: Vec<_> = fields.iter().take(30).map(|field| format!("`{}`", field.name())).collect();
            return Err(
                fails(format!("the file lacks the column {}", missing.join(", "))).caused_by(format!("it has {}", there.join(", ")))
            );
        }
        // Columns are read in the order of the file.
        let mut roots: Vec<usize> = root_of.iter().copied().flatten().collect();
        roots.sort_unstable();
        let of_schema = root_of.iter().map(|root| root.and_then(|root| roots.binary_search(&root).ok())).collect();
        let names = roots.iter().map(|root| Box::from(fields[*root].name().as_str())).collect();
        Ok((roots, Binding { names, of_schema }))
    }

    fn unreadable(&self, error: &(dyn std::error::Error + 'static)) -> Error {
        explain(ErrorKind::Extraction, format!("cannot read {}", self.path.display()), error)
            .hint("check that the file is a whole Parquet file")
    }
}

/// The row groups from the one that holds row `from` on, and how many of their rows lie before it. `None`
/// where there are not so many rows.
fn behind(from: u64, groups: impl ExactSizeIterator<Item = u64>) -> Option<(Range<usize>, u64)> {
    let (count, mut left) = (groups.len(), from);
    for (group, rows) in groups.enumerate() {
        if left < rows {
            return Some((group..count, left));
        }
        left -= rows;
    }
    (left == 0).then_some((count..count, 0))
}

impl<T: Record> Source for Rows<T> {
    type Record = T;
    type Class = Replayable;

    fn info(&self) -> SourceInfo {
        let mut info = SourceInfo::named(self.path.display().to_string());
        info.bytes = source_size(&self.path);
        info.replayable = true;
        info
    }

    fn validate(&mut self) -> BoxFuture<'_, Result<()>> {
        async move { self.open(Wanted::new(1, 1)).map(drop) }.boxed()
    }

    fn identity(&self, _head: Option<u64>) -> Result<Option<Identity>> {
        identity(&self.path).map(Some)
    }

    fn seek(&mut self, from: Cursor) -> BoxFuture<'_, Result<Cursor>> {
        async move {
            self.from = from.ordinal;
            self.open(Wanted::new(1, 1))?;
            Ok(Cursor::record(from.ordinal))
        }
        .boxed()
    }

    fn read(&mut self, wanted: Wanted) -> BoxFuture<'_, Result<Option<BoxChunk<T>>>> {
        async move {
            if self.open.is_none() {
                self.open = Some(self.open(wanted)?);
            }
            let Some(open) = &mut self.open else { unreachable!("opened above") };
            let Some(batch) = open.reader.next() else { return Ok(None) };
            let (binding, partition, ordinal, per_row) =
                (Arc::clone(&open.binding), Arc::clone(&open.partition), open.next, open.bytes_per_row);
            let batch = batch.map_err(|error| self.unreadable(&error))?;
            if let Some(open) = &mut self.open {
                open.next += batch.num_rows() as u64;
            }
            let source_bytes = per_row * batch.num_rows() as u64;
            let batch = Batch { batch, partition, ordinal };
            Ok(Some(Box::new(BatchChunk { batch, binding, source_bytes, decode: self.decode }) as BoxChunk<T>))
        }
        .boxed()
    }
}

struct BatchChunk<T> {
    batch: Batch,
    binding: Arc<Binding>,
    source_bytes: u64,
    decode: Decoder<T>,
}

impl<T: Record> Chunk<T> for BatchChunk<T> {
    fn bytes(&self) -> usize {
        self.batch.batch.get_array_memory_size()
    }

    fn source_bytes(&self) -> u64 {
        self.source_bytes
    }

    fn decode(self: Box<Self>) -> Decoded<T> {
        let (records, inputs, malformed) = (self.decode)(&self.batch, &self.binding);
        Decoded { records, inputs, malformed, origin: Arc::new(self.batch) }
    }
}

fn decode<T: Decode>(batch: &Batch, binding: &Binding) -> (Vec<T>, Option<Vec<u32>>, Vec<Malformed>) {
    each_row(batch, binding, |row| {
        T::decode(row).map_err(|error| Malformed {
            index: 0,
            code: if error.problem == Problem::NotUtf8 { "not_utf8" } else { "field" },
            column: Some(error.column),
            message: error.to_string().into(),
        })
    })
}

fn decode_serde<T: DeserializeOwned>(batch: &Batch, binding: &Binding) -> (Vec<T>, Option<Vec<u32>>, Vec<Malformed>) {
    each_row(batch, binding, |row| {
        from_fields(row, &binding.names).map_err(|refusal| Malformed {
            index: 0,
            code: refusal.code,
            column: refusal.column,
            message: refusal.message,
        })
    })
}

fn each_row<T>(
    batch: &Batch,
    binding: &Binding,
    mut one: impl FnMut(&mut Row<'_>) -> Result<T, Malformed>,
) -> (Vec<T>, Option<Vec<u32>>, Vec<Malformed>) {
    let columns: Vec<Bound<'_>> =
        binding.of_schema.iter().map(|place| place.map_or(Bound::Absent, |place| Bound::new(batch.batch.column(place).as_ref()))).collect();
    let count = batch.batch.num_rows();
    let mut records = Vec::with_capacity(count);
    let mut inputs = Vec::new();
    let mut malformed = Vec::new();
    for index in 0..count {
        match one(&mut Row { columns: &columns, index }) {
            Ok(record) => {
                records.push(record);
                inputs.push(index as u32);
            }
            Err(mistake) => malformed.push(Malformed { index: index as u32, ..mistake }),
        }
    }
    let inputs = (!malformed.is_empty()).then_some(inputs);
    (records, inputs, malformed)
}

impl<T> std::fmt::Debug for Rows<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").field("path", &self.path).finish_non_exhaustive()
    }
}
