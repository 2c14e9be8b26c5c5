//! Sources of records that need no decoding: what an extractor returns as an iterator, a stream or a
//! `Vec`. A chunk is full by its records, its bytes or its time.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use futures::future::BoxFuture;
use futures::stream::Stream;
use futures::{FutureExt, StreamExt};

use super::{BoxChunk, Chunk, Decoded, Origin, Source, SourceInfo, StreamItem, Wanted};
use crate::contract::error::{Error, Result};
use crate::contract::guarantee::Ephemeral;
use crate::contract::position::Position;
use crate::contract::record::Record;

/// An iterator's records that are taken without a look at the clock, at most: a slow iterator is
/// noticed by then.
const LONGEST_STRIDE: usize = 512;

/// What both kinds keep between two chunks.
struct Progress {
    /// The position of the next record.
    next: u64,
    partition: Arc<str>,
    /// Came after records that go on first.
    failed: Option<Error>,
    ended: bool,
}

impl Progress {
    fn new() -> Self {
        Self { next: 0, partition: Arc::from("memory"), failed: None, ended: false }
    }

    /// The error that is due before anything else is read.
    fn due(&mut self) -> Result<()> {
        match self.failed.take() {
            Some(error) => {
                self.ended = true;
                Err(error)
            }
            None => Ok(()),
        }
    }

    /// The next chunk; `None` at the end. The records before an error go on first.
    fn chunk<T: Record>(&mut self, filling: Filling<T>) -> Result<Option<BoxChunk<T>>> {
        let Filling { records, bytes } = filling;
        if records.is_empty() {
            self.due()?;
            return Ok(None);
        }
        let first = self.next;
        self.next += records.len() as u64;
        Ok(Some(Box::new(Ready { records, bytes, first, partition: Arc::clone(&self.partition) })))
    }
}

/// A chunk that is being filled.
struct Filling<T> {
    records: Vec<T>,
    /// What the records occupy, with what they own.
    bytes: usize,
}

impl<T: Record> Filling<T> {
    const EMPTY: Self = Self { records: Vec::new(), bytes: 0 };

    /// Counts the bytes of the records from `before` on.
    fn measure(&mut self, before: usize) {
        let new = &self.records[before..];
        self.bytes += size_of_val(new) + new.iter().map(T::heap_bytes).sum::<usize>();
    }

    fn is_full(&self, wanted: &Wanted) -> bool {
        self.records.len() >= wanted.records || self.bytes >= wanted.bytes
    }
}

/// An iterator, or a `Vec`.
pub(super) struct Drawn<I> {
    items: I,
    records: Option<u64>,
    progress: Progress,
    /// How many records are taken before the next look at the clock and the bytes.
    stride: usize,
}

impl<I> Drawn<I> {
    pub(super) fn new(items: I, records: Option<u64>) -> Self {
        Self { items, records, progress: Progress::new(), stride: 1 }
    }
}

impl<T: StreamItem, I: Iterator<Item = T> + Send> Drawn<I> {
    fn fill(&mut self, wanted: &Wanted) -> Filling<T::Record> {
        let mut filling = Filling::EMPTY;
        let begun = Instant::now();
        while !self.progress.ended && !filling.is_full(wanted) {
            let before = filling.records.len();
            let stride = self.stride.min(wanted.records - before).max(1);
            if let Err(error) = T::draw(&mut self.items, stride, &mut filling.records) {
                self.progress.failed = Some(error);
                filling.measure(before);
                break;
            }
            filling.measure(before);
            let drawn = filling.records.len() - before;
            self.progress.ended = drawn < stride;
            if begun.elapsed() >= wanted.linger {
                self.stride = 1;
                break;
            }
            // As many as the chunk has room for if they are like those before them.
            let each = filling.bytes / filling.records.len().max(1);
            let room = wanted.bytes.saturating_sub(filling.bytes) / each.max(1);
            self.stride = (2 * self.stride).min(LONGEST_STRIDE).min(room.max(1));
        }
        filling
    }
}

impl<T: StreamItem, I: Iterator<Item = T> + Send> Source for Drawn<I> {
    type Record = T::Record;
    type Class = Ephemeral;

    fn info(&self) -> SourceInfo {
        SourceInfo { records: self.records, ..SourceInfo::named("memory") }
    }

    fn read(&mut self, wanted: Wanted) -> BoxFuture<'_, Result<Option<BoxChunk<T::Record>>>> {
        async move {
            self.progress.due()?;
            let filling = self.fill(&wanted);
            self.progress.chunk(filling)
        }
        .boxed()
    }

    fn never_blocks(&self) -> bool {
        true
    }
}

/// A stream.
pub(super) struct Polled<S, T> {
    items: Pin<Box<S>>,
    progress: Progress,
    /// Stays here while it is waited for more, because whoever waits may stop to.
    filling: Filling<T>,
}

impl<S: Stream<Item: StreamItem>> Polled<S, <S::Item as StreamItem>::Record> {
    pub(super) fn new(items: S) -> Self {
        Self { items: Box::pin(items), progress: Progress::new(), filling: Filling::EMPTY }
    }
}

impl<T: StreamItem, S: Stream<Item = T> + Send> Polled<S, T::Record> {
    async fn fill(&mut self, wanted: &Wanted) {
        let filling = &mut self.filling;
        // The clock is read only once the stream makes wait.
        let mut deadline = None;
        while !self.progress.ended && !filling.is_full(wanted) {
            let item = match self.items.next().now_or_never() {
                Some(item) => item,
                None if filling.records.is_empty() => self.items.next().await,
                None => {
                    let deadline = *deadline.get_or_insert_with(|| tokio::time::Instant::now() + wanted.linger);
                    match tokio::time::timeout_at(deadline, self.items.next()).await {
                        Ok(item) => item,
                        Err(_elapsed) => break,
                    }
                }
            };
            match item.map(StreamItem::record) {
                Some(Ok(record)) => {
                    let before = filling.records.len();
                    filling.records.push(record);
                    filling.measure(before);
                }
                Some(Err(error)) => {
                    self.progress.failed = Some(error);
                    break;
                }
                None => self.progress.ended = true,
            }
        }
    }
}

impl<T: StreamItem, S: Stream<Item = T> + Send> Source for Polled<S, T::Record> {
    type Record = T::Record;
    type Class = Ephemeral;

    fn info(&self) -> SourceInfo {
        SourceInfo::named("memory")
    }

    fn read(&mut self, wanted: Wanted) -> BoxFuture<'_, Result<Option<BoxChunk<T::Record>>>> {
        async move {
            self.progress.due()?;
            self.fill(&wanted).await;
            self.progress.chunk(std::mem::replace(&mut self.filling, Filling::EMPTY))
        }
        .boxed()
    }

    fn taken(&mut self) -> Option<BoxChunk<T::Record>> {
        let filling = std::mem::replace(&mut self.filling, Filling::EMPTY);
        if filling.records.is_empty() { None } else { self.progress.chunk(filling).ok().flatten() }
    }

    fn never_blocks(&self) -> bool {
        true
    }
}

/// Records that need no decoding.
struct Ready<T> {
    records: Vec<T>,
    bytes: usize,
    first: u64,
    partition: Arc<str>,
}

impl<T: Record> Chunk<T> for Ready<T> {
    fn bytes(&self) -> usize {
        self.bytes
    }

    fn source_bytes(&self) -> u64 {
        0
    }

    fn decode(self: Box<Self>) -> Decoded<T> {
        Decoded {
            records: self.records,
            inputs: None,
            malformed: Vec::new(),
            origin: Arc::new(Counted { first: self.first, partition: self.partition }),
        }
    }
}

/// Records that are numbered as they came.
struct Counted {
    first: u64,
    partition: Arc<str>,
}

impl Origin for Counted {
    fn position(&self, index: u32) -> Position {
        Position { partition: Arc::clone(&self.partition), ordinal: self.first + u64::from(index), byte: None, line: None }
    }

    fn payload(&self, _index: u32) -> Option<Cow<'_, [u8]>> {
        None
    }
}
