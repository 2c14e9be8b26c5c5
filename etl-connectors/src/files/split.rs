//! Cutting a file into pieces at the ends of records, in memory that is bounded by the size of a
//! block and of the largest record.

use std::io;
use std::sync::Arc;

use etl_core::position::Cursor;
use etl_core::source::Wanted;

use super::input::{Input, Packing};
use super::piece::{Counted, Flaw, Piece, lines};
use super::refusal::Refusal;

/// How a format's records end. Implementations keep what they must know between two calls.
pub(crate) trait Scan: Send {
    /// Whether a record is a line, and so ends at `\n` and nowhere else.
    const LINES: bool;

    /// Looks at `bytes[from..]`; the record that begins at `start` is unfinished so far. Appends
    /// the start of every record that ends here, and returns where the unfinished one starts.
    fn scan(&mut self, bytes: &[u8], from: usize, start: usize, starts: &mut Vec<u32>) -> usize;

    /// Whether the unfinished bytes before the end of the file are a record.
    fn is_record(&self, rest: &[u8]) -> bool;

    /// Whether the unfinished record is inside quotes.
    fn quoted(&self) -> bool {
        false
    }
}

/// The smallest and largest block, in bytes.
const BLOCK: std::ops::RangeInclusive<usize> = 4 << 10..=16 << 20;

/// What some editors put in front of UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What is read at a time of a record that is too long to be kept, in bytes.
const SKIP: usize = 256 << 10;

/// What is read at a time of records that are only counted, in bytes.
const COUNT: usize = 1 << 20;

/// Reads a file block by block and cuts the blocks into pieces.
pub(crate) struct Splitter<S> {
    input: Input,
    partition: Arc<str>,
    scan: S,
    max_record: usize,
    /// The block that is being handed out, and its records.
    block: Arc<Vec<u8>>,
    starts: Vec<u32>,
    end: usize,
    flaw: Option<Flaw>,
    /// The last record of the block ends where the file does, and not with a line.
    unended: bool,
    /// The next record to hand out.
    next: usize,
    /// Up to where lines are counted in the block, the line there, and where the block starts.
    counted: usize,
    line: u64,
    offset: u64,
    ordinal: u64,
    /// The unfinished record behind the block.
    carry: Vec<u8>,
    /// Bytes of the file that were handed out.
    covered: u64,
    ended: bool,
}

impl<S: Scan> Splitter<S> {
    /// Starts at the beginning of the text, behind a byte order mark.
    pub(crate) fn new(mut input: Input, partition: Arc<str>, scan: S, max_record: usize) -> io::Result<Self> {
        let beginning = input.beginning()?;
        if let Some(packing) = Packing::of(&beginning) {
            return Err(Refusal::Compressed(packing).into());
        }
        let offset = if beginning.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() as u64 } else { 0 };
        input.begin_at(offset)?;
        Ok(Self {
            input,
            partition,
            scan,
            // Offsets in a block are 32 bits wide.
            max_record: max_record.min(1 << 30),
            block: Arc::default(),
            starts: Vec::new(),
            end: 0,
            flaw: None,
            unended: false,
            next: 0,
            counted: 0,
            line: 1,
            offset,
            ordinal: 0,
            carry: Vec::new(),
            covered: 0,
            ended: false,
        })
    }

    /// Takes the next record out, which is then not counted as one: a header. `None` at the end of
    /// the file.
    #[cfg(feature = "csv")]
    pub(crate) fn header(&mut self, wanted: Wanted) -> io::Result<Option<Piece>> {
        let piece = self.piece(Wanted { records: 1, ..wanted })?;
        (self.ordinal, self.covered) = (0, 0);
        Ok(piece)
    }

    /// The next records. `None` at the end of the file.
    pub(crate) fn piece(&mut self, wanted: Wanted) -> io::Result<Option<Piece>> {
        while self.next == self.starts.len() {
            if self.ended && self.carry.is_empty() {
                return Ok(None);
            }
            if let Some(skipped) = self.refill(wanted.bytes)? {
                return Ok(Some(skipped));
            }
        }
        let first = self.next;
        let last = self.starts.len().min(first + wanted.records.max(1));
        self.next = last;
        let start = self.starts[first] as usize;
        let end = self.starts.get(last).map_or(self.end, |next| *next as usize);
        let line = self.line_at(start);
        let (ordinal, behind) = (self.ordinal, self.line_at(end));
        self.ordinal += (last - first) as u64;
        let is_last = last == self.starts.len();
        Ok(Some(Piece {
            partition: Arc::clone(&self.partition),
            block: Arc::clone(&self.block),
            starts: self.starts[first..last].to_vec(),
            end: end as u32,
            ordinal,
            line,
            offset: self.offset,
            covers: self.cover(self.offset + end as u64),
            flaw: self.flaw.filter(|_| is_last),
            lines: S::LINES,
            max_record: self.max_record,
            behind: self.cursor(end, behind, is_last && self.unended),
            counted: Counted::default(),
        }))
    }

    /// The place behind the last record that was handed out, which ends here in the block.
    fn cursor(&self, end: usize, line: u64, unended: bool) -> Cursor {
        Cursor { ordinal: self.ordinal, byte: Some(self.offset + end as u64), line: (!unended).then_some(line) }
    }

    /// The line at a place in the block that is not before the last one.
    fn line_at(&mut self, place: usize) -> u64 {
        self.line += lines(&self.block[self.counted..place]);
        self.counted = place;
        self.line
    }

    /// The bytes since the last call, up to `end`.
    fn cover(&mut self, end: u64) -> u64 {
        // Of a compressed file, what its text up to the end of the block was made of.
        let end = self.input.consumed().unwrap_or(end);
        end - std::mem::replace(&mut self.covered, end)
    }

    /// Reads the next block, up to the end of a record. Returns a piece only for a record that is
    /// too long.
    fn refill(&mut self, wanted: usize) -> io::Result<Option<Piece>> {
        let wanted = wanted.clamp(*BLOCK.start(), *BLOCK.end());
        self.line_at(self.end);
        self.offset += self.end as u64;
        self.starts.clear();
        (self.next, self.counted, self.flaw, self.unended) = (0, 0, None, false);
        let mut buffer = std::mem::take(&mut self.carry);
        let (mut start, mut seen) = (0, buffer.len());
        loop {
            self.ended = !self.input.append_to(&mut buffer, wanted)?;
            start = self.scan.scan(&buffer, seen, start, &mut self.starts);
            if self.ended {
                start = self.end_of_file(&buffer, start);
            }
            if self.ended || !self.starts.is_empty() {
                break;
            }
            // Nothing but blank lines stands before the unfinished record.
            self.line += lines(&buffer[..start]);
            self.offset += start as u64;
            buffer.drain(..start);
            (start, seen) = (0, buffer.len());
            if seen > self.max_record {
                return self.skip(buffer);
            }
        }
        self.take_block(buffer, start);
        Ok(None)
    }

    /// The file ends in an unfinished record, or in blanks. Returns where its last record ends.
    fn end_of_file(&mut self, buffer: &[u8], start: usize) -> usize {
        if !self.scan.is_record(&buffer[start..]) {
            return start;
        }
        self.flaw = self.scan.quoted().then_some(Flaw::Unclosed);
        self.unended = true;
        self.starts.push(start as u32);
        buffer.len()
    }

    /// What comes before `start` is handed out next, and what comes behind it is unfinished.
    fn take_block(&mut self, mut buffer: Vec<u8>, start: usize) {
        self.carry.clear();
        if !self.ended {
            self.carry.extend_from_slice(&buffer[start..]);
        }
        buffer.truncate(start);
        self.end = start;
        self.block = Arc::new(buffer);
    }

    /// Reads to the end of the line or record at the start of `buffer` without keeping it. What follows
    /// it becomes the block. Returns a piece unless all of it was blank.
    fn skip(&mut self, mut buffer: Vec<u8>) -> io::Result<Option<Piece>> {
        let (record, line) = (self.offset, self.line);
        let mut start;
        loop {
            // The last byte stays, because what a byte means can depend on the one before.
            let gone = buffer.len() - 1;
            self.line += lines(&buffer[..gone]);
            self.offset += gone as u64;
            buffer.drain(..gone);
            buffer.shrink_to(SKIP + 64);
            self.ended = !self.input.append_to(&mut buffer, SKIP)?;
            start = self.scan.scan(&buffer, 1, 0, &mut self.starts);
            if self.ended {
                start = self.end_of_file(&buffer, start);
            }
            if self.ended || start > 0 {
                break;
            }
        }
        self.take_block(buffer, start);
        if self.starts.first() != Some(&0) {
            return Ok(None);
        }
        self.next = 1;
        let unended = self.unended && self.starts.len() == 1;
        let quoted = unended && self.flaw == Some(Flaw::Unclosed);
        let after = self.starts.get(1).map_or(self.end, |next| *next as usize);
        let ordinal = self.ordinal;
        self.ordinal += 1;
        let behind = self.line_at(after);
        Ok(Some(Piece {
            partition: Arc::clone(&self.partition),
            block: Arc::default(),
            starts: vec![0],
            end: 0,
            ordinal,
            line,
            offset: record,
            covers: self.cover(self.offset + after as u64),
            flaw: Some(Flaw::Skipped { quoted }),
            lines: S::LINES,
            max_record: self.max_record,
            behind: self.cursor(after, behind, unended),
            counted: Counted::default(),
        }))
    }
}

/// Going on where an earlier reading stopped.
impl<S: Scan> Splitter<S> {
    /// Has reading go on at a place that [`Origin::end`](etl_core::source::Origin::end) gave; called
    /// before the first record was read, with a new `scan`.
    ///
    /// A place without a line is behind a record that ended where the file did. What the file has got
    /// since then may belong to that record, so the records are counted again to find it.
    pub(crate) fn go_on(&mut self, from: Cursor, scan: S) -> io::Result<Cursor> {
        let Some(before) = from.byte.filter(|_| from.ordinal > 0).and_then(|byte| byte.checked_sub(1)) else {
            return Ok(Cursor::default());
        };
        let byte = before + 1;
        match from.line {
            Some(line) => {
                self.input.begin_at(before)?;
                let mut last = Vec::new();
                self.input.append_to(&mut last, 1)?;
                match last.first() {
                    None => return Err(Refusal::Changed("it is shorter than what was read of it").into()),
                    Some(b'\n') => {}
                    Some(b'\r') if !S::LINES => {}
                    Some(_) => return Err(Refusal::Changed("no record ends any more where one ended").into()),
                }
                self.begin(byte, line, from.ordinal, scan);
            }
            None if etl_core::mutants::active("grown_record_unchecked") => {
                self.input.begin_at(byte)?;
                self.begin(byte, 0, from.ordinal, scan);
            }
            None if self.input.is_known_to_end_at(byte)? => {
                // No line is asked for where there is no record.
                self.begin(byte, 0, from.ordinal, scan);
                self.ended = true;
            }
            None => self.count_to(from.ordinal, byte)?,
        }
        Ok(from)
    }

    fn begin(&mut self, byte: u64, line: u64, ordinal: u64, scan: S) {
        (self.offset, self.line, self.ordinal, self.scan) = (byte, line, ordinal, scan);
        (self.next, self.end, self.counted, self.flaw, self.unended, self.ended) = (0, 0, 0, None, false, false);
        self.covered = self.input.consumed().unwrap_or(byte);
        self.block = Arc::default();
        self.starts.clear();
        self.carry.clear();
    }

    /// Passes over the records before `ordinal`, of which the last one must still end at `byte`.
    fn count_to(&mut self, ordinal: u64, byte: u64) -> io::Result<()> {
        while self.ordinal < ordinal {
            let left = usize::try_from(ordinal - self.ordinal).unwrap_or(usize::MAX);
            let Some(piece) = self.piece(Wanted::new(left, COUNT))? else {
                return Err(Refusal::Changed("it is shorter than what was read of it").into());
            };
            if self.ordinal == ordinal && !piece.ends_at(byte) {
                return Err(Refusal::Changed("its last record, which no line end had ended, goes on").into());
            }
        }
        Ok(())
    }
}
