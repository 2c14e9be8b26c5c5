//! Reading a table or a query.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use etl_core::guarantee::Replayable;
use etl_core::record::codec::Decode;
use etl_core::record::{Column, Problem, Record};
use etl_core::source::{BoxChunk, Chunk, Decoded, Malformed, Source, SourceInfo, Wanted};
use etl_core::{Error, ErrorKind, Result};
use futures::FutureExt;
use futures::future::BoxFuture;
use rusqlite::{InterruptHandle, OpenFlags};
use serde::de::DeserializeOwned;

use super::cells::{Cells, Row};
use super::database::connect;
use super::errors::explain;
use super::query::Query;
use crate::serde_rows::from_fields;

/// The rows of a table or a query; made by [`read`](super::read).
///
/// A position is the number of the row in the result.
pub struct Rows<T> {
    path: PathBuf,
    query: Query,
    schema: Option<&'static [Column]>,
    decode: Decoder<T>,
    reader: Option<Reader>,
}

/// Decodes a row, by the type's own decoder or by serde.
type Decoder<T> = fn(&Cells) -> (Vec<T>, Option<Vec<u32>>, Vec<Malformed>);

/// The thread that steps through the rows: a statement borrows its connection, so both live there.
struct Reader {
    cells: Receiver<Result<Cells>>,
    interrupt: InterruptHandle,
}

impl Drop for Reader {
    fn drop(&mut self) {
        // The thread may be deep in a query that has no row to hand over for a long time.
        self.interrupt.interrupt();
    }
}

impl<T> Rows<T> {
    pub(super) fn new(path: &Path, query: &str) -> Self
    where
        T: Decode,
    {
        Self { path: path.to_owned(), query: Query::new(query), schema: Some(T::SCHEMA), decode: decode::<T>, reader: None }
    }

    pub(super) fn new_serde(path: &Path, query: &str) -> Self
    where
        T: DeserializeOwned,
    {
        Self { path: path.to_owned(), query: Query::new(query), schema: None, decode: decode_serde::<T>, reader: None }
    }

    fn partition(&self) -> String {
        format!("{}#{}", self.path.display(), self.query.label())
    }

    fn connect(&self) -> Result<rusqlite::Connection> {
        connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY, ErrorKind::Extraction)
    }

    fn start(&self, wanted: Wanted) -> Result<Reader> {
        let sqlite = self.connect()?;
        let interrupt = sqlite.get_interrupt_handle();
        // One chunk waits while the next is read.
        let (output, cells) = sync_channel(1);
        let work = Work {
            sqlite,
            query: self.query.clone(),
            path: self.path.clone(),
            schema: self.schema,
            partition: self.partition().into(),
            wanted,
        };
        std::thread::Builder::new()
            .name("sqlite-read".into())
            .spawn(move || {
                if let Err(error) = work.run(&output) {
                    // Nobody listens any more where the run was stopped.
                    let _stopped = output.send(Err(error));
                }
            })
            .map_err(|error| Error::io(ErrorKind::Extraction, "cannot start a thread to read a database", &error))?;
        Ok(Reader { cells, interrupt })
    }
}

struct Work {
    sqlite: rusqlite::Connection,
    query: Query,
    path: PathBuf,
    schema: Option<&'static [Column]>,
    partition: Arc<str>,
    wanted: Wanted,
}

impl Work {
    fn run(&self, output: &SyncSender<Result<Cells>>) -> Result<()> {
        let (sql, columns) = self.query.statement(&self.sqlite, &self.path, self.schema)?;
        let failed = |error: &rusqlite::Error| explain(ErrorKind::Extraction, format!("cannot read {}", self.partition), error);
        let mut statement = self.sqlite.prepare(&sql).map_err(|error| failed(&error))?;
        let columns = Arc::new(columns);
        let mut rows = statement.raw_query();
        let new = |ordinal| Cells::new(Arc::clone(&columns), Arc::clone(&self.partition), ordinal);
        let mut cells = new(0);
        while let Some(row) = rows.next().map_err(|error| failed(&error))? {
            for index in 0..columns.names.len() {
                cells.push(row.get_ref(index).map_err(|error| failed(&error))?);
            }
            if cells.rows() >= self.wanted.records.max(1) || cells.data() >= self.wanted.bytes {
                let next = new(cells.ordinal + cells.rows() as u64);
                if output.send(Ok(std::mem::replace(&mut cells, next))).is_err() {
                    return Ok(());
                }
            }
        }
        if cells.rows() > 0 {
            let _stopped = output.send(Ok(cells));
        }
        Ok(())
    }
}

impl<T: Record> Source for Rows<T> {
    type Record = T;
    type Class = Replayable;

    fn info(&self) -> SourceInfo {
        let mut info = SourceInfo::named(self.partition());
        info.replayable = self.query.ordered();
        info
    }

    fn validate(&mut self) -> BoxFuture<'_, Result<()>> {
        async move { self.query.statement(&self.connect()?, &self.path, self.schema).map(drop) }.boxed()
    }

    fn read(&mut self, wanted: Wanted) -> BoxFuture<'_, Result<Option<BoxChunk<T>>>> {
        async move {
            if self.reader.is_none() {
                self.reader = Some(self.start(wanted)?);
            }
            let Some(reader) = &self.reader else { unreachable!("started above") };
            // The thread hangs up when the last row is read.
            let Ok(cells) = reader.cells.recv() else { return Ok(None) };
            Ok(Some(Box::new(RowsChunk { cells: cells?, decode: self.decode }) as BoxChunk<T>))
        }
        .boxed()
    }
}

struct RowsChunk<T> {
    cells: Cells,
    decode: Decoder<T>,
}

impl<T: Record> Chunk<T> for RowsChunk<T> {
    fn bytes(&self) -> usize {
        self.cells.bytes()
    }

    fn decode(self: Box<Self>) -> Decoded<T> {
        let (records, inputs, malformed) = (self.decode)(&self.cells);
        Decoded { records, inputs, malformed, origin: Arc::new(self.cells) }
    }
}

fn decode<T: Decode>(cells: &Cells) -> (Vec<T>, Option<Vec<u32>>, Vec<Malformed>) {
    each_row(cells, |row| {
        T::decode(row).map_err(|error| Malformed {
            index: 0,
            code: if error.problem == Problem::NotUtf8 { "not_utf8" } else { "field" },
            column: Some(error.column),
            message: error.to_string().into(),
        })
    })
}

fn decode_serde<T: DeserializeOwned>(cells: &Cells) -> (Vec<T>, Option<Vec<u32>>, Vec<Malformed>) {
    each_row(cells, |row| {
        from_fields(row, &cells.columns.names).map_err(|refusal| Malformed {
            index: 0,
            code: refusal.code,
            column: refusal.column,
            message: refusal.message,
        })
    })
}

fn each_row<T>(cells: &Cells, mut one: impl FnMut(&mut Row<'_>) -> Result<T, Malformed>) -> (Vec<T>, Option<Vec<u32>>, Vec<Malformed>) {
    let mut records = Vec::with_capacity(cells.rows());
    let mut inputs = Vec::new();
    let mut malformed = Vec::new();
    for index in 0..cells.rows() {
        match one(&mut cells.row(index)) {
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
        f.debug_struct("Rows").field("path", &self.path).field("query", &self.query).finish_non_exhaustive()
    }
}
