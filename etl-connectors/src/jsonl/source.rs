//! Reading JSON lines.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use etl_core::guarantee::Replayable;
use etl_core::position::Cursor;
use etl_core::record::codec::Decode;
use etl_core::record::{Problem, Record};
use etl_core::source::{BoxChunk, Chunk, Decoded, Identity, Source, SourceInfo, Wanted};
use etl_core::{Error, Result};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::scan::LineScan;
use super::slots::Slots;
use crate::files::{Compression, Input, Limits, MAX_RECORD, Mistake, PartLimits, Piece, Splitter, partition, source_size, unreadable};

/// How JSON lines are read and written; made by [`options`](super::options).
#[derive(Clone, Debug)]
#[must_use]
pub struct Options {
    max_record: usize,
    limits: Limits,
    /// Of files that are written; as their names say if `None`.
    pub(super) compression: Option<Compression>,
    pub(super) parts: PartLimits,
}

impl Default for Options {
    fn default() -> Self {
        Self { max_record: MAX_RECORD, limits: Limits::default(), compression: None, parts: PartLimits::default() }
    }
}

impl Options {
    /// The longest line that is read, in bytes; 16 MiB if not said, 1 GiB at most. A longer one is
    /// malformed (`too_large`) and is never held in memory.
    pub fn max_record(mut self, bytes: usize) -> Self {
        self.max_record = bytes;
        self
    }

    /// How large the text of a compressed file may be, in bytes; 1 TiB if not said. Reading fails
    /// (`decompression_limit`) as soon as there is more.
    pub fn max_decompressed(mut self, bytes: u64) -> Self {
        self.limits.bytes = bytes;
        self
    }

    /// How many times as large as a compressed file its text may be, looked at while it is read and
    /// from the first 64 MiB of text on; 500 if not said. Reading fails (`decompression_limit`) as soon
    /// as there is more.
    pub fn max_ratio(mut self, ratio: u64) -> Self {
        self.limits.ratio = ratio;
        self
    }

    /// Reads the file at `path`. Nothing is opened yet.
    ///
    /// # Errors
    /// None yet; the file is looked at when the run starts.
    pub fn read<T: Record + Decode>(self, path: impl AsRef<Path>) -> Result<Rows<T>> {
        Ok(Rows { path: path.as_ref().to_owned(), options: self, decode: decode::<T>, splitter: None })
    }

    /// Reads the file at `path` into a type that only has serde. What serde says of a wrong value is
    /// replaced by words that do not quote it.
    ///
    /// # Errors
    /// None yet; the file is looked at when the run starts.
    pub fn read_serde<T: Record + DeserializeOwned>(self, path: impl AsRef<Path>) -> Result<Rows<T>> {
        Ok(Rows { path: path.as_ref().to_owned(), options: self, decode: decode_serde::<T>, splitter: None })
    }
}

/// The records of a file of JSON lines; made by [`read`](super::read).
///
/// A position is the line (from 1, blank ones counted), the offset of its first byte, and the
/// number of the record.
pub struct Rows<T> {
    path: PathBuf,
    options: Options,
    decode: Decoder<T>,
    splitter: Option<Splitter<LineScan>>,
}

/// Decodes a piece of a file, by the type's own decoder or by serde.
type Decoder<T> = fn(&Arc<Piece>, Vec<T>) -> Decoded<T>;

impl<T> Rows<T> {
    fn open(&self) -> Result<Splitter<LineScan>> {
        let input = Input::open(&self.path, self.options.limits)?;
        Splitter::new(input, partition(&self.path), LineScan::default(), self.options.max_record).map_err(|error| self.unreadable(&error))
    }

    fn unreadable(&self, error: &std::io::Error) -> Error {
        unreadable(&self.path, error)
    }
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
        async move { self.open().map(drop) }.boxed()
    }

    fn identity(&self, head: Option<u64>) -> Result<Option<Identity>> {
        Identity::of_file(&self.path, head).map(Some)
    }

    fn seek(&mut self, from: Cursor) -> BoxFuture<'_, Result<Cursor>> {
        async move {
            let mut splitter = self.open()?;
            let reached = splitter.go_on(from, LineScan::default()).map_err(|error| self.unreadable(&error))?;
            self.splitter = Some(splitter);
            Ok(reached)
        }
        .boxed()
    }

    fn read(&mut self, wanted: Wanted) -> BoxFuture<'_, Result<Option<BoxChunk<T>>>> {
        async move {
            if self.splitter.is_none() {
                self.splitter = Some(self.open()?);
            }
            let Some(splitter) = &mut self.splitter else { unreachable!("opened above") };
            let piece = splitter.piece(wanted).map_err(|error| self.unreadable(&error))?;
            Ok(piece.map(|piece| Box::new(LinesChunk { piece, decode: self.decode }) as BoxChunk<T>))
        }
        .boxed()
    }

    /// It is a regular file: nobody waits for records to come.
    fn never_blocks(&self) -> bool {
        true
    }
}

struct LinesChunk<T> {
    piece: Piece,
    decode: Decoder<T>,
}

impl<T: Record> Chunk<T> for LinesChunk<T> {
    fn bytes(&self) -> usize {
        self.piece.bytes().len()
    }

    fn source_bytes(&self) -> u64 {
        self.piece.covers()
    }

    fn decode(self: Box<Self>) -> Decoded<T> {
        self.decode_into(Vec::new())
    }

    fn decode_into(self: Box<Self>, room: Vec<T>) -> Decoded<T> {
        (self.decode)(&Arc::new(self.piece), room)
    }
}

fn decode<T: Decode>(piece: &Arc<Piece>, room: Vec<T>) -> Decoded<T> {
    let mut slots = Slots::new(T::SCHEMA);
    piece.decode(room, |cut, records| {
        let line = cut.record();
        slots.fill(line).map_err(|error| mistake(line, &error))?;
        records.push(T::decode(&mut slots).map_err(|error| Mistake {
            code: if error.problem == Problem::NotUtf8 { "not_utf8" } else { "field" },
            column: Some(error.column),
            message: error.to_string().into(),
        })?);
        Ok(())
    })
}

fn decode_serde<T: DeserializeOwned>(piece: &Arc<Piece>, room: Vec<T>) -> Decoded<T> {
    piece.decode(room, |cut, records| {
        let line = cut.record();
        if !line.trim_ascii_start().starts_with(b"{") {
            // To serde, an array of the right length is a struct too.
            return Err(match serde_json::from_slice::<IgnoredAny>(line) {
                Ok(_) => not_an_object(),
                Err(error) => mistake(line, &error),
            });
        }
        records.push(serde_json::from_slice(line).map_err(|error| match error.classify() {
            // An object, but not this one.
            serde_json::error::Category::Data => {
                Mistake::new("field", format!("is not in the form that its type expects, at byte {} of the line", error.column()))
            }
            _ => mistake(line, &error),
        })?);
        Ok(())
    })
}

/// Why a line is not an object. The error's own text may quote it.
fn mistake(line: &[u8], error: &serde_json::Error) -> Mistake {
    if std::str::from_utf8(line).is_err() {
        return Mistake::new("not_utf8", "is not valid UTF-8");
    }
    match error.classify() {
        serde_json::error::Category::Data => not_an_object(),
        serde_json::error::Category::Eof => Mistake::new("not_json", "is not valid JSON: it ends too early"),
        _ => Mistake::new("not_json", format!("is not valid JSON at byte {} of the line", error.column())),
    }
}

fn not_an_object() -> Mistake {
    Mistake::new("not_json", "is JSON, but not an object")
}

impl<T> std::fmt::Debug for Rows<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").field("path", &self.path).finish_non_exhaustive()
    }
}
