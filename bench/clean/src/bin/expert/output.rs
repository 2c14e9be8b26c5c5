//! What is finished, appended in the order of the file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use arrow_schema::SchemaRef;
use bench_clean::{Bad, Format, Reason, Result};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory};
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use serde::Serialize;

use super::Encoder;
use super::columns::{Columns, schema};
use super::json::Lines;

/// A record that is no flight.
pub(crate) struct Reject {
    /// Its line in the lease.
    pub(crate) line: u64,
    pub(crate) reason: Reason,
    pub(crate) raw: Vec<u8>,
}

/// A line of the dead letters.
#[derive(Serialize)]
struct Letter<'a> {
    line: u64,
    reason: Reason,
    record: &'a str,
}

/// What a lease has become.
pub(crate) struct Finished {
    pub(crate) lines: u64,
    pub(crate) body: Body,
    pub(crate) rejects: Vec<Reject>,
    pub(crate) good: u64,
    pub(crate) sum_distance: i64,
}

pub(crate) enum Body {
    Parquet(Vec<ArrowColumnChunk>),
    Jsonl(Vec<u8>),
}

/// What became of all.
#[derive(Default)]
pub(crate) struct Ended {
    pub(crate) good: u64,
    pub(crate) sum_distance: i64,
    pub(crate) bad: Bad,
}

enum Sink {
    Parquet(Box<SerializedFileWriter<BufWriter<File>>>),
    Jsonl(File),
}

pub(crate) struct Output {
    schema: SchemaRef,
    factory: Option<ArrowRowGroupWriterFactory>,
    state: Mutex<State>,
    moved: Condvar,
    /// How far a thread may be ahead.
    window: usize,
}

struct State {
    sink: Sink,
    rejects: BufWriter<File>,
    waiting: BTreeMap<usize, Finished>,
    next: usize,
    line: u64,
    ended: Ended,
    given_up: bool,
}

impl Output {
    pub(crate) fn create(path: &Path, rejects: &Path, format: Format, threads: usize) -> Result<Self> {
        let schema = schema();
        let file = File::create(path)?;
        let (sink, factory) = match format {
            Format::Parquet => {
                let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
                let file = BufWriter::with_capacity(1 << 18, file);
                let (file, factory) = ArrowWriter::try_new(file, SchemaRef::clone(&schema), Some(properties))?.into_serialized_writer()?;
                (Sink::Parquet(Box::new(file)), Some(factory))
            }
            Format::Jsonl => (Sink::Jsonl(file), None),
            _ => return Err("this expert writes parquet and jsonl; see sqlite_loop and expert_postgres".into()),
        };
        let rejects = BufWriter::new(File::create(rejects)?);
        let ended = Ended::default();
        let state = State { sink, rejects, waiting: BTreeMap::new(), next: 0, line: 2, ended, given_up: false };
        Ok(Self { schema, factory, state: Mutex::new(state), moved: Condvar::new(), window: 2 * threads })
    }

    /// What encodes lease `number`.
    pub(crate) fn encoder(&self, number: usize) -> Result<Encoder> {
        Ok(match &self.factory {
            Some(factory) => Encoder::Parquet(Columns::new(SchemaRef::clone(&self.schema), factory.create_column_writers(number)?)),
            None => Encoder::Jsonl(Lines::new(5 << 18)),
        })
    }

    pub(crate) fn append(&self, number: usize, finished: Finished) -> Result<()> {
        let mut state = self.lock();
        while number > state.next + self.window {
            if state.given_up {
                return Ok(());
            }
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.waiting.insert(number, finished);
        while let Some(finished) = {
            let next = state.next;
            state.waiting.remove(&next)
        } {
            state.write(finished)?;
            state.next += 1;
        }
        drop(state);
        self.moved.notify_all();
        Ok(())
    }

    /// Nobody waits for this thread any more.
    pub(crate) fn give_up(&self) {
        self.lock().given_up = true;
        self.moved.notify_all();
    }

    pub(crate) fn finish(self) -> Result<Ended> {
        let mut state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        state.rejects.flush()?;
        if let Sink::Parquet(file) = state.sink {
            file.into_inner()?.flush()?;
        }
        Ok(state.ended)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn write(&mut self, finished: Finished) -> Result<()> {
        match (&mut self.sink, finished.body) {
            (Sink::Parquet(file), Body::Parquet(chunks)) if finished.good > 0 => {
                let mut group = file.next_row_group()?;
                for chunk in chunks {
                    chunk.append_to_row_group(&mut group)?;
                }
                group.close()?;
            }
            (Sink::Jsonl(file), Body::Jsonl(lines)) => file.write_all(&lines)?,
            _ => {}
        }
        for Reject { line, reason, raw } in finished.rejects {
            self.ended.bad.add(reason, 1);
            let letter = Letter { line: self.line + line, reason, record: &String::from_utf8_lossy(&raw) };
            serde_json::to_writer(&mut self.rejects, &letter)?;
            self.rejects.write_all(b"\n")?;
        }
        self.line += finished.lines;
        self.ended.good += finished.good;
        self.ended.sum_distance += finished.sum_distance;
        Ok(())
    }
}
