//! Cutting a file into pieces at the ends of records, in memory that is bounded by the size of a
//! block and of the largest record.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use etl_core::source::Wanted;

use super::piece::{Counted, Flaw, Piece, lines};

/// How a format's records end. Implementations keep what they must know between two calls.
pub(crate) trait Scan: Send {
    /// Looks at `bytes[from..]`; the record that begins at `start` is unfinished so far. Appends
    /// the start of every record that ends here, and returns where the unfinished one starts.
    fn scan(&mut self, bytes: &[u8], from: usize, start: usize, starts: &mut Vec<u32>) -> usize;

    /// Whether the unfinished bytes before the end of the file are a record.
    fn is_record(&self, rest: &[u8]) -> bool;

    /// The unfinished record is so long that its first bytes are not shown again.
    fn too_long(&mut self) {}

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

/// Reads a file block by block and cuts the blocks into pieces.
pub(crate) struct Splitter<S> {
    file: File,
    partition: Arc<str>,
    scan: S,
    max_record: usize,
    /// The block that is being handed out, and its records.
    block: Arc<Vec<u8>>,
    starts: Vec<u32>,
    end: usize,
    flaw: Option<Flaw>,
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
    /// Starts at the beginning of `file`, behind a byte order mark.
    pub(crate) fn new(mut file: File, partition: Arc<str>, scan: S, max_record: usize) -> io::Result<Self> {
        let mut mark = Vec::with_capacity(BYTE_ORDER_MARK.len());
        (&mut file).take(BYTE_ORDER_MARK.len() as u64).read_to_end(&mut mark)?;
        let offset = if mark == BYTE_ORDER_MARK { BYTE_ORDER_MARK.len() as u64 } else { 0 };
        file.seek(SeekFrom::Start(offset))?;
        Ok(Self {
            file,
            partition,
            scan,
            // Offsets in a block are 32 bits wide.
            max_record: max_record.min(1 << 30),
            block: Arc::default(),
            starts: Vec::new(),
            end: 0,
            flaw: None,
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
        self.line += lines(&self.block[self.counted..start]);
        self.counted = start;
        let ordinal = self.ordinal;
        self.ordinal += (last - first) as u64;
        Ok(Some(Piece {
            partition: Arc::clone(&self.partition),
            block: Arc::clone(&self.block),
            starts: self.starts[first..last].to_vec(),
            end: end as u32,
            ordinal,
            line: self.line,
            offset: self.offset,
            covers: self.cover(self.offset + end as u64),
            flaw: self.flaw.filter(|_| last == self.starts.len()),
            max_record: self.max_record,
            counted: Counted::default(),
        }))
    }

    /// The bytes since the last call, up to `end`.
    fn cover(&mut self, end: u64) -> u64 {
        end - std::mem::replace(&mut self.covered, end)
    }

    /// Reads the next block, up to the end of a record. Returns a piece only for a record that is
    /// too long.
    fn refill(&mut self, wanted: usize) -> io::Result<Option<Piece>> {
        let wanted = wanted.clamp(*BLOCK.start(), *BLOCK.end());
        self.line += lines(&self.block[self.counted..self.end]);
        self.offset += self.end as u64;
        self.starts.clear();
        (self.next, self.counted, self.flaw) = (0, 0, None);
        let mut buffer = std::mem::take(&mut self.carry);
        let (mut start, mut seen) = (0, buffer.len());
        loop {
            self.ended = !more(&mut self.file, &mut buffer, wanted)?;
            start = self.scan.scan(&buffer, seen, start, &mut self.starts);
            if self.ended {
                if self.scan.is_record(&buffer[start..]) {
                    self.flaw = self.scan.quoted().then_some(Flaw::Unclosed);
                    self.starts.push(start as u32);
                }
                start = buffer.len();
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
                return self.skip(buffer).map(Some);
            }
        }
        self.carry = buffer[start..].to_vec();
        buffer.truncate(start);
        self.end = start;
        self.block = Arc::new(buffer);
        Ok(None)
    }

    /// Reads to the end of the record at the start of `buffer` without keeping it. What follows it
    /// becomes the block.
    fn skip(&mut self, mut buffer: Vec<u8>) -> io::Result<Piece> {
        let (record, line) = (self.offset, self.line);
        self.scan.too_long();
        let mut quoted;
        let mut start;
        loop {
            // The last byte stays, because what a byte means can depend on the one before.
            let gone = buffer.len() - 1;
            self.line += lines(&buffer[..gone]);
            self.offset += gone as u64;
            buffer.drain(..gone);
            buffer.shrink_to(SKIP + 64);
            quoted = self.scan.quoted();
            self.ended = !more(&mut self.file, &mut buffer, SKIP)?;
            start = self.scan.scan(&buffer, 1, 0, &mut self.starts);
            if self.ended && self.starts.is_empty() {
                self.starts.push(0);
                start = buffer.len();
            } else if self.ended {
                if self.scan.is_record(&buffer[start..]) {
                    self.flaw = self.scan.quoted().then_some(Flaw::Unclosed);
                    self.starts.push(start as u32);
                }
                start = buffer.len();
            }
            if !self.starts.is_empty() {
                break;
            }
        }
        // The first record that ended is the one that was too long.
        self.next = 1;
        self.carry = buffer[start..].to_vec();
        buffer.truncate(start);
        self.end = start;
        self.block = Arc::new(buffer);
        let after = self.starts.get(1).map_or(self.end, |next| *next as usize);
        let ordinal = self.ordinal;
        self.ordinal += 1;
        Ok(Piece {
            partition: Arc::clone(&self.partition),
            block: Arc::default(),
            starts: vec![0],
            end: 0,
            ordinal,
            line,
            offset: record,
            covers: self.cover(self.offset + after as u64),
            flaw: Some(Flaw::Skipped { quoted: quoted && self.ended }),
            max_record: self.max_record,
            counted: Counted::default(),
        })
    }
}

/// Appends up to `wanted` bytes to `buffer`. `false` at the end of the file.
fn more(file: &mut File, buffer: &mut Vec<u8>, wanted: usize) -> io::Result<bool> {
    // A little more, so that `read_to_end` does not probe whether the file ends here.
    buffer.reserve(wanted + 64);
    Ok(file.take(wanted as u64).read_to_end(buffer)? > 0)
}
