//! Reading a CSV file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use etl_core::guarantee::Replayable;
use etl_core::position::Cursor;
use etl_core::record::codec::Decode;
use etl_core::record::{Column, Problem, Record};
use etl_core::source::{BoxChunk, Chunk, Decoded, Identity, Source, SourceInfo, Wanted};
use etl_core::{Error, ErrorKind, Result};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::de::DeserializeOwned;

use super::fields::Fields;
use super::header::Header;
use super::line::Line;
use super::options::Options;
use super::scan::CsvScan;
use crate::files::{Input, Mistake, Piece, Splitter, partition, source_size, unreadable};
use crate::serde_rows::from_fields;

/// The records of a CSV file; made by [`read`](super::read).
///
/// A position is the line on which the record starts (the header is line 1), the offset of its
/// first byte, and its number.
pub struct Rows<T> {
    path: PathBuf,
    options: Arc<Options>,
    schema: Option<&'static [Column]>,
    decode: Decoder<T>,
    open: Option<Open>,
}

/// Decodes a piece of a file, by the type's own decoder or by serde.
type Decoder<T> = fn(Piece, Vec<T>, &Options, &Header) -> Decoded<T>;

struct Open {
    splitter: Splitter<CsvScan>,
    header: Arc<Header>,
}

impl<T> std::fmt::Debug for Rows<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").field("path", &self.path).finish_non_exhaustive()
    }
}

impl<T> Rows<T> {
    pub(super) fn new(path: &Path, options: Options) -> Result<Self>
    where
        T: Decode,
    {
        Ok(Self { path: path.to_owned(), options: Arc::new(options), schema: Some(T::SCHEMA), decode: decode::<T>, open: None })
    }

    pub(super) fn new_serde(path: &Path, options: Options) -> Result<Self>
    where
        T: DeserializeOwned,
    {
        Ok(Self { path: path.to_owned(), options: Arc::new(options), schema: None, decode: decode_serde::<T>, open: None })
    }

    fn open(&self, wanted: Wanted) -> Result<Open> {
        let input = Input::open(&self.path, self.options.limits)?;
        let mut splitter =
            Splitter::new(input, partition(&self.path), self.scan(), self.options.max_record).map_err(|error| self.unreadable(&error))?;
        let Some(piece) = splitter.header(wanted).map_err(|error| self.unreadable(&error))? else {
            return Err(self.fails("the file is empty: it has no header").hint("the first line names the columns"));
        };
        let header = piece.single().map_err(|mistake| self.fails(&format!("the header {}", mistake.message)))?;
        let header = Header::read(&self.path, header, &self.options, self.schema)?;
        Ok(Open { splitter, header })
    }

    fn scan(&self) -> CsvScan {
        CsvScan::new(self.options.delimiter, self.options.quote)
    }

    fn fails(&self, what: &str) -> Error {
        Error::new(ErrorKind::Extraction, format!("{}: {what}", self.path.display()))
    }

    fn unreadable(&self, error: &std::io::Error) -> Error {
        unreadable(&self.path, error)
    }
}

/// Enough for the header; more is read when records are.
const LOOK: Wanted = Wanted::new(1, 16 << 10);

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
        async { self.open(LOOK).map(drop) }.boxed()
    }

    fn identity(&self, head: Option<u64>) -> Result<Option<Identity>> {
        Identity::of_file(&self.path, head).map(Some)
    }

    fn seek(&mut self, from: Cursor) -> BoxFuture<'_, Result<Cursor>> {
        async move {
            let mut open = self.open(LOOK)?;
            let reached = open.splitter.go_on(from, self.scan()).map_err(|error| self.unreadable(&error))?;
            self.open = Some(open);
            Ok(reached)
        }
        .boxed()
    }

    fn read(&mut self, wanted: Wanted) -> BoxFuture<'_, Result<Option<BoxChunk<T>>>> {
        async move {
            if self.open.is_none() {
                self.open = Some(self.open(wanted)?);
            }
            let Some(open) = &mut self.open else { unreachable!("opened above") };
            let header = Arc::clone(&open.header);
            let piece = open.splitter.piece(wanted).map_err(|error| self.unreadable(&error))?;
            let chunk =
                |piece| Box::new(CsvChunk { piece, header, options: Arc::clone(&self.options), decode: self.decode }) as BoxChunk<T>;
            Ok(piece.map(chunk))
        }
        .boxed()
    }

    /// It is a regular file: nobody waits for records to come.
    fn never_blocks(&self) -> bool {
        true
    }
}

struct CsvChunk<T> {
    piece: Piece,
    header: Arc<Header>,
    options: Arc<Options>,
    decode: Decoder<T>,
}

impl<T: Record> Chunk<T> for CsvChunk<T> {
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
        (self.decode)(self.piece, room, &self.options, &self.header)
    }
}

fn decode<T: Decode>(piece: Piece, room: Vec<T>, options: &Options, header: &Header) -> Decoded<T> {
    each_line(piece, room, options, header, |line| {
        T::decode(line).map_err(|error| Mistake {
            code: if error.problem == Problem::NotUtf8 { "not_utf8" } else { "field" },
            column: Some(error.column),
            message: error.to_string().into(),
        })
    })
}

fn decode_serde<T: DeserializeOwned>(piece: Piece, room: Vec<T>, options: &Options, header: &Header) -> Decoded<T> {
    each_line(piece, room, options, header, |line| {
        from_fields(line, &header.names).map_err(|refusal| Mistake { code: refusal.code, column: refusal.column, message: refusal.message })
    })
}

#[inline]
fn each_line<T>(
    piece: Piece,
    room: Vec<T>,
    options: &Options,
    header: &Header,
    mut one: impl FnMut(&mut Line<'_>) -> Result<T, Mistake>,
) -> Decoded<T> {
    let piece = Arc::new(piece);
    let mut fields = Fields::new(piece.bytes(), options.delimiter, options.quote);
    let width = header.names.len();
    piece.decode(room, |cut, records| {
        let split = fields.split(&cut);
        if split.places.len() != width {
            return Err(Mistake::new("ragged", format!("has {} fields where the header has {width}", split.places.len())));
        }
        records.push(one(&mut Line { split, columns: &header.columns, nulls: &options.nulls })?);
        Ok(())
    })
}
