//! A piece of a file: records that lie side by side in one block, not decoded yet.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use etl_core::position::{Cursor, Position};
use etl_core::source::{Decoded, Malformed, Origin};

/// Records of one block of a file.
pub(crate) struct Piece {
    pub(super) partition: Arc<str>,
    pub(super) block: Arc<Vec<u8>>,
    /// Where in the block each record starts.
    pub(super) starts: Vec<u32>,
    /// Where the last record ends.
    pub(super) end: u32,
    /// The number of the first record in its file.
    pub(super) ordinal: u64,
    /// The line on which the first record starts.
    pub(super) line: u64,
    /// The offset of the block in the file.
    pub(super) offset: u64,
    /// How many bytes of the file it covers.
    pub(super) covers: u64,
    /// What is wrong with its last record as a whole.
    pub(super) flaw: Option<Flaw>,
    /// Whether a record is a line.
    pub(super) lines: bool,
    pub(super) max_record: usize,
    /// The place behind the last record; without a line where the file ends in the record.
    pub(super) behind: Cursor,
    pub(super) counted: Counted,
}

/// Up to where lines were counted last, and how many there are before: positions are mostly asked for one after the other.
/// The offset in the block is in the upper half.
#[derive(Debug, Default)]
pub(super) struct Counted(AtomicU64);

/// Why a record cannot even be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// It was longer than allowed and its bytes were not kept. `quoted`: it ended inside quotes.
    Skipped { quoted: bool },
    /// The file ends inside quotes.
    Unclosed,
}

/// What is wrong with one record; becomes a [`Malformed`].
#[derive(Debug)]
pub(crate) struct Mistake {
    pub(crate) code: &'static str,
    pub(crate) column: Option<&'static str>,
    pub(crate) message: Cow<'static, str>,
}

/// One record of a piece.
#[derive(Clone, Debug)]
pub(crate) struct Cut<'p> {
    /// The bytes of the whole piece, so that what reads a record by words may look past its end.
    pub(crate) bytes: &'p [u8],
    /// The same as text, if all of it is UTF-8: that is found out once for all records.
    pub(crate) text: Option<&'p str>,
    /// Where the record lies in them, without what ends it.
    pub(crate) range: Range<usize>,
}

impl<'p> Cut<'p> {
    /// The bytes of the record.
    #[inline]
    pub(crate) fn record(&self) -> &'p [u8] {
        &self.bytes[self.range.clone()]
    }
}

impl Mistake {
    pub(crate) fn new(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, column: None, message: message.into() }
    }
}

impl Piece {
    /// Its bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.block[self.base()..self.end as usize]
    }

    /// Where it starts in the block.
    fn base(&self) -> usize {
        self.starts.first().map_or(0, |start| *start as usize)
    }

    /// How many bytes of the file it covers.
    pub(crate) fn covers(&self) -> u64 {
        self.covers
    }

    /// The only record of a piece of one.
    #[cfg(feature = "csv")]
    pub(crate) fn single(&self) -> Result<&[u8], Mistake> {
        self.record(0).map(|range| &self.block[range])
    }

    /// Where a record lies in the block, unless it is flawed as a whole.
    #[inline]
    fn record(&self, index: usize) -> Result<Range<usize>, Mistake> {
        match self.flaw_of(index) {
            // A long record is called too long whether or not it happened to fit into a block.
            flaw if self.is_too_long(index) => Err(Flaw::Skipped { quoted: flaw == Some(Flaw::Unclosed) }.mistake(self.max_record)),
            Some(flaw) => Err(flaw.mistake(self.max_record)),
            None => Ok(self.range(index)),
        }
    }

    #[inline]
    fn flaw_of(&self, index: usize) -> Option<Flaw> {
        if index + 1 == self.starts.len() { self.flaw } else { None }
    }

    /// Where the record lies in the block, with what ends it and the blank lines behind it.
    #[inline]
    fn whole(&self, index: usize) -> Range<usize> {
        self.starts[index] as usize..self.starts.get(index + 1).map_or(self.end, |next| *next) as usize
    }

    /// Where the record lies in the block, without what ends it.
    #[inline]
    fn range(&self, index: usize) -> Range<usize> {
        let Range { start, mut end } = self.whole(index);
        if self.flaw_of(index) == Some(Flaw::Unclosed) {
            return start..end;
        }
        let ends = |byte: u8| matches!(byte, b'\n' | b'\r');
        while end > start && ends(self.block[end - 1]) {
            end -= 1;
        }
        if self.lines && end > start && matches!(self.block[end - 1], b' ' | b'\t') {
            // They may be those of a blank line.
            end = start + line_length(&self.block[start..end]);
            while end > start && ends(self.block[end - 1]) {
                end -= 1;
            }
        }
        start..end
    }

    /// Whether the record is longer than allowed; the answer is the same wherever blocks end.
    #[inline]
    fn is_too_long(&self, index: usize) -> bool {
        let whole = self.whole(index);
        whole.len() > self.max_record
            && self.max_record < if self.lines { line_length(&self.block[whole]) } else { self.range(index).len() }
    }

    /// Whether the last record ends at this byte of the file, or the blank lines behind it do.
    pub(super) fn ends_at(&self, byte: u64) -> bool {
        let end = match (self.starts.len().checked_sub(1), self.flaw) {
            (None, _) | (_, Some(Flaw::Skipped { .. })) => self.behind.byte,
            (Some(last), _) => Some(self.offset + self.range(last).end as u64),
        };
        end.is_some_and(|end| end <= byte) && self.behind.byte.is_some_and(|behind| byte <= behind)
    }

    /// How many lines there are before the record that starts here.
    fn lines_before(&self, start: u32) -> u64 {
        let known = self.counted.0.load(Ordering::Relaxed);
        let (from, before) = ((known >> 32) as usize, known & u64::from(u32::MAX));
        if from > start as usize {
            // Whoever goes back once does not go on from there.
            return lines(&self.block[self.base()..start as usize]);
        }
        let count = before + lines(&self.block[from.max(self.base())..start as usize]);
        self.counted.0.store((u64::from(start) << 32) | count, Ordering::Relaxed);
        count
    }

    /// Decodes every record by `one`, which puts it behind the `records` before it.
    pub(crate) fn decode<'p, T>(
        self: &'p Arc<Self>,
        mut records: Vec<T>,
        mut one: impl FnMut(Cut<'p>, &mut Vec<T>) -> Result<(), Mistake>,
    ) -> Decoded<T> {
        let count = self.starts.len();
        let base = self.base();
        let bytes = self.bytes();
        let text = std::str::from_utf8(bytes).ok();
        records.reserve(count);
        let mut malformed = Vec::new();
        let mut inputs: Option<Vec<u32>> = None;
        for index in 0..count {
            let place = index as u32;
            let decoded = match self.record(index) {
                Ok(range) => one(Cut { bytes, text, range: range.start - base..range.end - base }, &mut records),
                Err(mistake) => Err(mistake),
            };
            match decoded {
                Ok(()) => {
                    if let Some(inputs) = &mut inputs {
                        inputs.push(place);
                    }
                }
                Err(mistake) => {
                    inputs.get_or_insert_with(|| {
                        let mut so_far = Vec::with_capacity(count);
                        so_far.extend(0..place);
                        so_far
                    });
                    malformed.push(Malformed { index: place, code: mistake.code, column: mistake.column, message: mistake.message });
                }
            }
        }
        Decoded { records, inputs, malformed, origin: Arc::clone(self) as Arc<dyn Origin> }
    }
}

impl Flaw {
    fn mistake(self, max_record: usize) -> Mistake {
        match self {
            Self::Skipped { quoted: false } => Mistake::new("too_large", format!("is longer than {max_record} bytes")),
            Self::Skipped { quoted: true } => {
                Mistake::new("too_large", format!("is longer than {max_record} bytes; a quote that opens in it is not closed"))
            }
            Self::Unclosed => Mistake::new("unclosed_quote", "has a quote that is not closed before the end of the file"),
        }
    }
}

impl Origin for Piece {
    fn position(&self, index: u32) -> Position {
        let start = self.starts[index as usize];
        Position {
            partition: Arc::clone(&self.partition),
            ordinal: self.ordinal + u64::from(index),
            byte: Some(self.offset + u64::from(start)),
            line: Some(self.line + self.lines_before(start)),
        }
    }

    fn end(&self, records: u32) -> Cursor {
        if (records as usize) < self.starts.len() {
            let Position { ordinal, byte, line, .. } = self.position(records);
            return Cursor { ordinal, byte, line };
        }
        self.behind
    }

    fn payload(&self, index: u32) -> Option<Cow<'_, [u8]>> {
        let index = index as usize;
        let skipped = matches!(self.flaw, Some(Flaw::Skipped { .. })) || self.is_too_long(index);
        (!skipped).then(|| Cow::Borrowed(&self.block[self.range(index)]))
    }
}

/// How long the first line is, without its end.
fn line_length(bytes: &[u8]) -> usize {
    memchr::memchr(b'\n', bytes).unwrap_or(bytes.len())
}

/// How many lines end in `bytes`.
pub(super) fn lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
