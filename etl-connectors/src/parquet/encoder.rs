//! Encoding columns: on as many threads as there are processors, each with columns of its own.
//!
//! Encoding is most of the work of writing Parquet, and its columns do not know each other. Every
//! thread sees every batch, so their order is kept and little waits.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;

use crate::files::Output;

/// Batches that may wait at each thread.
const WAITING: usize = 2;

/// A Parquet file that is being written.
pub(super) struct Encoder {
    file: SerializedFileWriter<Output>,
    factory: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
    threads: Vec<Worker>,
    /// Records in the row group so far, and how many it may have.
    rows: usize,
    row_group: usize,
    /// The number of the next row group.
    next: usize,
}

/// A thread that encodes some of the columns of each row group.
struct Worker {
    /// Which columns.
    columns: std::ops::Range<usize>,
    jobs: Option<SyncSender<Job>>,
    done: Receiver<Result<Vec<ArrowColumnChunk>>>,
    thread: Option<JoinHandle<()>>,
}

enum Job {
    /// A row group begins; these encode its columns.
    Begin(Vec<ArrowColumnWriter>),
    Batch(RecordBatch),
    /// It ends: hand over what is encoded.
    End,
}

impl Encoder {
    pub(super) fn new(output: Output, schema: &SchemaRef, properties: WriterProperties, row_group: usize) -> Result<Self> {
        let (file, factory) = ArrowWriter::try_new(output, Arc::clone(schema), Some(properties))?.into_serialized_writer()?;
        let width = schema.fields().len();
        let processors = std::thread::available_parallelism().map_or(1, usize::from).min(8);
        let count = processors.min(width).max(1);
        let threads = (0..count)
            .map(|index| Worker::start(schema, index * width / count..(index + 1) * width / count))
            .collect::<Result<Vec<_>>>()?;
        Ok(Self { file, factory, schema: Arc::clone(schema), threads, rows: 0, row_group, next: 0 })
    }

    /// Encodes a batch, which may lie in two row groups.
    pub(super) fn write(&mut self, mut batch: RecordBatch) -> Result<()> {
        while batch.num_rows() > 0 {
            if self.rows == 0 {
                self.begin()?;
            }
            let count = batch.num_rows().min(self.row_group - self.rows);
            for thread in &self.threads {
                thread.send(Job::Batch(batch.slice(0, count)))?;
            }
            batch = batch.slice(count, batch.num_rows() - count);
            self.rows += count;
            if self.rows == self.row_group {
                self.end()?;
            }
        }
        Ok(())
    }

    /// Bytes of the row groups that are written.
    pub(super) fn size(&self) -> u64 {
        self.file.bytes_written() as u64
    }

    /// Writes what is left, and the end of the file.
    pub(super) fn finish(mut self) -> Result<Output> {
        if self.rows > 0 {
            self.end()?;
        }
        self.file.into_inner()
    }

    fn begin(&mut self) -> Result<()> {
        let mut writers = self.factory.create_column_writers(self.next)?;
        // A column has one leaf: there is no nesting.
        if writers.len() != self.schema.fields().len() {
            return Err(ParquetError::NYI("nested columns".into()));
        }
        self.next += 1;
        for thread in self.threads.iter().rev() {
            thread.send(Job::Begin(writers.split_off(thread.columns.start)))?;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        self.rows = 0;
        for thread in &self.threads {
            thread.send(Job::End)?;
        }
        let mut group = self.file.next_row_group()?;
        for thread in &self.threads {
            for chunk in thread.done.recv().map_err(|_| gone())?? {
                chunk.append_to_row_group(&mut group)?;
            }
        }
        group.close().map(drop)
    }
}

impl Worker {
    fn start(schema: &SchemaRef, columns: std::ops::Range<usize>) -> Result<Self> {
        let (jobs, inbox) = sync_channel(WAITING);
        let (results, done) = sync_channel(1);
        let (schema, range) = (Arc::clone(schema), columns.clone());
        let thread = std::thread::Builder::new()
            .name("parquet-encode".into())
            .spawn(move || encode(&schema, range, &inbox, &results))
            .map_err(|error| ParquetError::External(Box::new(error)))?;
        Ok(Self { columns, jobs: Some(jobs), done, thread: Some(thread) })
    }

    fn send(&self, job: Job) -> Result<()> {
        self.jobs.as_ref().and_then(|jobs| jobs.send(job).ok()).ok_or_else(gone)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // The thread ends when nobody can send to it any more.
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _panicked_and_reported = thread.join();
        }
    }
}

fn gone() -> ParquetError {
    ParquetError::General("an encoder thread is gone".into())
}

/// What a thread does.
fn encode(schema: &SchemaRef, columns: std::ops::Range<usize>, jobs: &Receiver<Job>, done: &SyncSender<Result<Vec<ArrowColumnChunk>>>) {
    let mut writers = Vec::new();
    let mut failed = None;
    for job in jobs {
        match job {
            Job::Begin(begun) => writers = begun,
            Job::Batch(batch) => {
                if failed.is_none() {
                    failed = append(schema, columns.clone(), &mut writers, &batch).err();
                }
            }
            Job::End => {
                let closed = match failed.take() {
                    Some(error) => Err(error),
                    None => writers.drain(..).map(ArrowColumnWriter::close).collect(),
                };
                if done.send(closed).is_err() {
                    return;
                }
            }
        }
    }
}

fn append(schema: &SchemaRef, columns: std::ops::Range<usize>, writers: &mut [ArrowColumnWriter], batch: &RecordBatch) -> Result<()> {
    for (index, writer) in columns.zip(writers) {
        for leaf in compute_leaves(&schema.fields()[index], batch.column(index))? {
            writer.write(&leaf)?;
        }
    }
    Ok(())
}
