//! What an extractor opens: something that is read in chunks, which are decoded where there is a
//! free worker.

mod identity;
mod pulled;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::Stream;

use self::pulled::{Drawn, Polled};
use super::error::{Error, Result, StageError};
use super::guarantee::{Ephemeral, SourceClass};
use super::position::{Cursor, Position};
use super::record::Record;

pub use identity::{Identity, Sameness};

/// A source that yields records of type `T`, whatever its class.
pub type BoxSource<'a, T> = Box<dyn Source<Record = T> + 'a>;

/// Reads chunks of undecoded records, in order. Runs on a thread of its own: it may block.
pub trait Source: Send {
    /// The record that its chunks decode to.
    type Record: Record;
    /// Whether it can be read again. One that only sometimes can is [`Replayable`] here and says in
    /// [`SourceInfo::replayable`] whether it can this time.
    ///
    /// [`Replayable`]: super::guarantee::Replayable
    type Class: SourceClass
    where
        Self: Sized;

    /// What is known before reading.
    fn info(&self) -> SourceInfo;

    /// Validates the source before anything is read: that it is there, has a header, has the
    /// columns. Called once by `run` and by `check`.
    ///
    /// # Errors
    /// Why it cannot be read, naming the file and the line.
    fn validate(&mut self) -> BoxFuture<'_, Result<()>> {
        async { Ok(()) }.boxed()
    }

    /// What tells this content of the source from another under the same name. Where `head` is given,
    /// of the first `head` bytes only, to be [compared](Identity::compare) with an earlier one.
    /// `None` where nothing does.
    ///
    /// # Errors
    /// That the source cannot be read.
    fn identity(&self, _head: Option<u64>) -> Result<Option<Identity>> {
        Ok(None)
    }

    /// Has reading begin at `from`, which an earlier run reached, or before it: the place is given
    /// back. Called before the first [`Source::read`], if at all. One that cannot begin anywhere else
    /// begins at its beginning, and the engine passes over what is done.
    ///
    /// # Errors
    /// That the source has no such place any more.
    fn seek(&mut self, _from: Cursor) -> BoxFuture<'_, Result<Cursor>> {
        async { Ok(Cursor::default()) }.boxed()
    }

    /// The next chunk, of about as many records as wanted, or `None` at the end.
    ///
    /// # Errors
    /// That the source cannot be read further. A single record that cannot be decoded is not an
    /// error here but one of [`Decoded::malformed`].
    fn read(&mut self, wanted: Wanted) -> BoxFuture<'_, Result<Option<BoxChunk<Self::Record>>>>;

    /// The records that a [`read`](Self::read) which was given up half-way had taken already: no others
    /// are read, and these would be lost with the source. Only for a source that cannot be read again.
    fn taken(&mut self) -> Option<BoxChunk<Self::Record>> {
        None
    }

    /// Whether [`Source::read`] gives back control while it waits for records, or never waits, as a
    /// regular file does: then several small chunks may travel together, because none is held up by
    /// the one after it.
    fn never_blocks(&self) -> bool {
        false
    }
}

/// How much a chunk should hold: it is full by the first of the three. They are aims, not limits.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Records.
    pub records: usize,
    /// Bytes of the source, or of the records where they are there already.
    pub bytes: usize,
    /// How long its first record may wait for the others.
    pub linger: Duration,
}

impl Wanted {
    /// How long a record may wait in a chunk where nothing else is said.
    pub const LINGER: Duration = Duration::from_millis(50);

    /// So many records or bytes, within [`Wanted::LINGER`].
    #[must_use]
    pub const fn new(records: usize, bytes: usize) -> Self {
        Self { records, bytes, linger: Self::LINGER }
    }
}

/// What is known of a source before it is read.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SourceInfo {
    /// Its name for people: a path, a table, `memory`.
    pub name: Cow<'static, str>,
    /// Its size in bytes, for the progress bar.
    pub bytes: Option<u64>,
    /// How many records it holds, for the progress bar.
    pub records: Option<u64>,
    /// Whether it can be read again from a position and yields the same records.
    pub replayable: bool,
}

impl SourceInfo {
    /// A source of which only the name is known.
    pub fn named(name: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}

/// A chunk that is not decoded yet.
pub type BoxChunk<T> = Box<dyn Chunk<T>>;

/// A part of a source that is decoded on its own, by any worker.
pub trait Chunk<T>: Send {
    /// Its size in memory in bytes, counted against the memory budget.
    fn bytes(&self) -> usize;

    /// How many bytes of the source it covers, for the progress bar.
    fn source_bytes(&self) -> u64 {
        self.bytes() as u64
    }

    /// Decodes it.
    fn decode(self: Box<Self>) -> Decoded<T>;

    /// As [`Chunk::decode`], into `room`: an empty vector that may have held records of an earlier
    /// chunk.
    fn decode_into(self: Box<Self>, room: Vec<T>) -> Decoded<T> {
        drop(room);
        self.decode()
    }
}

/// A decoded chunk: every record of it is either among the records or malformed.
pub struct Decoded<T> {
    /// The records, in order.
    pub records: Vec<T>,
    /// The index in the chunk of each record; `None` where it is simply its place in `records`.
    pub inputs: Option<Vec<u32>>,
    /// Records that could not be decoded, by index in the chunk.
    pub malformed: Vec<Malformed>,
    /// Where the records came from.
    pub origin: Arc<dyn Origin>,
}

impl<T> std::fmt::Debug for Decoded<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoded").field("records", &self.records.len()).field("malformed", &self.malformed).finish_non_exhaustive()
    }
}

/// A record of the source that could not be decoded.
#[derive(Clone, Debug)]
pub struct Malformed {
    /// Its index in the chunk.
    pub index: u32,
    /// A name for the kind of mistake: `ragged`, `not_utf8`, `field`, `too_large`.
    pub code: &'static str,
    /// The column, where one is to blame.
    pub column: Option<&'static str>,
    /// What is wrong, without any content of the record.
    pub message: Cow<'static, str>,
}

/// Where the records of a chunk came from: asked only for records that are rejected or fail.
pub trait Origin: Send + Sync {
    /// The position of the record with this index in the chunk. Their numbers follow each other.
    fn position(&self, index: u32) -> Position;

    /// Where the record behind the last one of the chunk starts; the chunk has `records` of them, of
    /// which there is at least one.
    fn end(&self, records: u32) -> Cursor {
        Cursor::record(self.position(0).ordinal + u64::from(records))
    }

    /// The record's bytes in the source, for a dead letter.
    fn payload(&self, index: u32) -> Option<Cow<'_, [u8]>>;
}

/// What an extractor may return as its source: a connector's source, or a `Vec` of records.
/// (`impl Iterator` and `impl Stream` come wrapped, by the macro.)
#[diagnostic::on_unimplemented(
    message = "an `#[extractor]` cannot return `{Self}`",
    label = "yields no records",
    note = "return a connector's source, `Vec<T>`, `impl Iterator<Item = T>` or `impl Stream<Item = T>` (written literally), or a `Result` of one of these"
)]
pub trait IntoSource<'a> {
    /// The record that it yields.
    type Record: Record;
    /// Whether it can be read again.
    type Class: SourceClass;
    /// Whether its records are decoded, so that one can be malformed.
    const DECODES: bool = false;

    /// The source.
    fn into_source(self) -> BoxSource<'a, Self::Record>;
}

#[diagnostic::do_not_recommend]
impl<'a, S: Source + 'a> IntoSource<'a> for S {
    type Record = S::Record;
    type Class = S::Class;
    const DECODES: bool = true;

    fn into_source(self) -> BoxSource<'a, S::Record> {
        Box::new(self)
    }
}

impl<'a, T: Record> IntoSource<'a> for Vec<T> {
    type Record = T;
    type Class = Ephemeral;

    fn into_source(self) -> BoxSource<'a, T> {
        let records = Some(self.len() as u64);
        Box::new(Drawn::new(self.into_iter(), records))
    }
}

/// An iterator returned as `impl Iterator`. Where its `next` waits, what it has yielded before waits
/// with it: a source that makes wait is better a stream.
#[derive(Debug)]
pub struct FromIter<I>(pub I);

impl<'a, T: StreamItem + 'a, I: Iterator<Item = T> + Send + 'a> IntoSource<'a> for FromIter<I> {
    type Record = T::Record;
    type Class = Ephemeral;

    fn into_source(self) -> BoxSource<'a, T::Record> {
        Box::new(Drawn::new(self.0, None))
    }
}

/// A stream returned as `impl Stream`.
#[derive(Debug)]
pub struct FromStream<S>(pub S);

impl<'a, T: StreamItem + 'a, S: Stream<Item = T> + Send + 'a> IntoSource<'a> for FromStream<S> {
    type Record = T::Record;
    type Class = Ephemeral;

    fn into_source(self) -> BoxSource<'a, T::Record> {
        Box::new(Polled::new(self.0))
    }
}

/// What a stream or an iterator of an extractor yields: a record, or a `Result` of one.
#[diagnostic::on_unimplemented(
    message = "an `#[extractor]` cannot yield `{Self}`",
    label = "neither a record nor a `Result` of one",
    note = "add `#[derive(Record)]` to the item's type"
)]
pub trait StreamItem: Send {
    /// The record.
    type Record: Record;

    /// The record, or why the source ends here.
    ///
    /// # Errors
    /// The item's own error.
    fn record(self) -> Result<Self::Record>;

    /// Moves up to `count` records from `items` to the end of `records`.
    ///
    /// # Errors
    /// The item's own error; the records before it have been moved.
    fn draw(items: &mut impl Iterator<Item = Self>, count: usize, records: &mut Vec<Self::Record>) -> Result<()>
    where
        Self: Sized,
    {
        for item in items.take(count) {
            records.push(item.record()?);
        }
        Ok(())
    }
}

impl<T: Record> StreamItem for T {
    type Record = T;

    fn record(self) -> Result<T> {
        Ok(self)
    }

    // Nothing fails here, so that the compiler sees one loop without a way out.
    fn draw(items: &mut impl Iterator<Item = T>, count: usize, records: &mut Vec<T>) -> Result<()> {
        records.extend(items.take(count));
        Ok(())
    }
}

impl<T: Record, E: StageError> StreamItem for Result<T, E> {
    type Record = T;

    fn record(self) -> Result<T> {
        self.map_err(|error| Error::from_stage(&error, super::error::ErrorKind::Extraction))
    }
}

/// What an extractor returns: a source, or a `Result` of one.
#[diagnostic::on_unimplemented(
    message = "an `#[extractor]` cannot return `{Self}`",
    label = "yields no records",
    note = "return a connector's source, `Vec<T>`, `impl Iterator<Item = T>` or `impl Stream<Item = T>` (written literally), or a `Result` of one of these"
)]
pub trait ExtractReturn<'a> {
    /// The record that it yields.
    type Record: Record;
    /// The error of opening, `Infallible` where there is none.
    type Error;
    /// Whether it can be read again.
    type Class: SourceClass;
    /// Whether its records are decoded, so that one can be malformed.
    const DECODES: bool;

    /// The source.
    ///
    /// # Errors
    /// The extractor's own error.
    fn source(self) -> Result<BoxSource<'a, Self::Record>, Self::Error>;
}

impl<'a, S: IntoSource<'a>> ExtractReturn<'a> for S {
    type Record = S::Record;
    type Error = std::convert::Infallible;
    type Class = S::Class;
    const DECODES: bool = S::DECODES;

    fn source(self) -> Result<BoxSource<'a, S::Record>, Self::Error> {
        Ok(self.into_source())
    }
}

impl<'a, S: IntoSource<'a>, E> ExtractReturn<'a> for Result<S, E> {
    type Record = S::Record;
    type Error = E;
    type Class = S::Class;
    const DECODES: bool = S::DECODES;

    fn source(self) -> Result<BoxSource<'a, S::Record>, E> {
        self.map(IntoSource::into_source)
    }
}
