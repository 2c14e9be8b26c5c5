//! Reading a table or a query.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use etl_core::guarantee::Replayable;
use etl_core::position::Cursor;
use etl_core::record::codec::Decode;
use etl_core::record::{Column, Problem, Record};
use etl_core::source::{BoxChunk, Chunk, Decoded, Identity, Malformed, Source, SourceInfo, Wanted};
use etl_core::{Error, ErrorKind, Result};
use futures::FutureExt;
use futures::future::BoxFuture;
use rusqlite::types::ValueRef;
use rusqlite::{InterruptHandle, OpenFlags};
use serde::de::DeserializeOwned;

use super::cells::{Cells, Row};
use super::database::connect;
use super::errors::explain;
use super::identity::identity;
use super::query::{Query, Statement};
use crate::serde_rows::from_fields;

/// The rows of a table or a query; made by [`read`](super::read).
///
/// A position is the number of the row in the result.
///
/// A run goes on behind the rows that it has read, as long as they are the same: of a table that has
/// rows of its own, rows may only have been added behind them, which is checked (a table from which
/// what was loaded is deleted must be read by a query, from its beginning). Of a query, a view and a
/// table `WITHOUT ROWID` nothing is known but the text and the names of the columns.
pub struct Rows<T> {
    path: PathBuf,
    query: Query,
    schema: Option<&'static [Column]>,
    decode: Decoder<T>,
    /// Where reading begins.
    from: Cursor,
    reader: Option<Reader>,
}

/// Decodes a row, by the type's own decoder or by serde.
type Decoder<T> = fn(&Cells) -> (Vec<T>, Option<Vec<u32>>, Vec<Malformed>);

/// The thread that steps through the rows: a statement borrows its connection, so both live there.
struct Reader {
    cells: Receiver<Result<Cells>>,
    interrupt: InterruptHandle,
    thread: Option<JoinHandle<()>>,
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
        Self {
            path: path.to_owned(),
            query: Query::new(query),
            schema: Some(T::SCHEMA),
            decode: decode::<T>,
            from: Cursor::default(),
            reader: None,
        }
    }

    pub(super) fn new_serde(path: &Path, query: &str) -> Self
    where
        T: DeserializeOwned,
    {
        Self {
            path: path.to_owned(),
            query: Query::new(query),
            schema: None,
            decode: decode_serde::<T>,
            from: Cursor::default(),
            reader: None,
        }
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
            from: self.from,
            wanted,
        };
        let thread = std::thread::Builder::new()
            .name("sqlite-read".into())
            .spawn(move || {
                if let Err(error) = work.run(&output) {
                    // Nobody listens any more where the run was stopped.
                    let _stopped = output.send(Err(error));
                }
            })
            .map_err(|error| Error::io(ErrorKind::Extraction, "cannot start a thread to read a database", &error))?;
        Ok(Reader { cells, interrupt, thread: Some(thread) })
    }
}

struct Work {
    sqlite: rusqlite::Connection,
    query: Query,
    path: PathBuf,
    schema: Option<&'static [Column]>,
    partition: Arc<str>,
    from: Cursor,
    wanted: Wanted,
}

impl Work {
    fn run(&self, output: &SyncSender<Result<Cells>>) -> Result<()> {
        let Statement { sql, columns, row_id } = self.query.statement(&self.sqlite, &self.path, self.schema)?;
        let failed = |error: &rusqlite::Error| explain(ErrorKind::Extraction, format!("cannot read {}", self.partition), error);
        let mut statement = self.sqlite.prepare(&sql).map_err(|error| failed(&error))?;
        let columns = Arc::new(columns);
        let width = columns.names.len();
        let mut rows = statement.raw_query();
        let new = |ordinal| Cells::new(Arc::clone(&columns), Arc::clone(&self.partition), ordinal);
        let mut cells = new(self.from.ordinal);
        for passed in 1..=self.from.ordinal {
            let Some(row) = rows.next().map_err(|error| failed(&error))? else {
                return Err(self.changed("it has fewer rows than were read of it"));
            };
            // The same number of rows must lie before the one that was read last.
            if let (Some(last), Some(_), true) = (self.from.byte, row_id, passed == self.from.ordinal)
                && row.get_ref(width).map_err(|error| failed(&error))? != ValueRef::Integer(last.cast_signed())
            {
                return Err(self.changed("rows were deleted or added among those that were read"));
            }
        }
        while let Some(row) = rows.next().map_err(|error| failed(&error))? {
            for index in 0..width {
                cells.push(row.get_ref(index).map_err(|error| failed(&error))?);
            }
            if row_id.is_some() {
                cells.last = row.get_ref(width).ok().and_then(|id| id.as_i64().ok());
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

    fn changed(&self, how: &str) -> Error {
        Error::new(ErrorKind::Extraction, format!("{} has changed since an earlier run: {how}", self.partition))
            .with_code("source_changed")
            .hint("read it from its beginning by `--fresh`")
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

    fn identity(&self, head: Option<u64>) -> Result<Option<Identity>> {
        identity(&self.connect()?, &self.path, &self.query, self.schema, head).map(Some)
    }

    /// The rows before the place are passed over when reading begins, and checked.
    fn seek(&mut self, from: Cursor) -> BoxFuture<'_, Result<Cursor>> {
        self.from = from;
        async move { Ok(from) }.boxed()
    }

    fn read(&mut self, wanted: Wanted) -> BoxFuture<'_, Result<Option<BoxChunk<T>>>> {
        async move {
            if self.reader.is_none() {
                self.reader = Some(self.start(wanted)?);
            }
            let Some(reader) = &mut self.reader else { unreachable!("started above") };
            let Ok(cells) = reader.cells.recv() else {
                // The thread hangs up when the last row is read, and when it is lost.
                let ended = reader.thread.take().is_none_or(|thread| thread.join().is_ok());
                return if ended { Ok(None) } else { Err(Error::new(ErrorKind::Panicked, "the thread that reads the database is lost")) };
            };
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
