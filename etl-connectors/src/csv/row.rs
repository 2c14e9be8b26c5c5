//! Writing one record as a line.

use std::io::Write;

use etl_core::record::codec::FieldVisitor;

use super::options::Options;
use crate::files::{push_i64, push_u64};

/// Appends one line to a buffer; quotes what the `csv` crate would quote. Dropped before its end,
/// it takes its part of the line back.
pub(super) struct Row<'o> {
    out: &'o mut Vec<u8>,
    start: usize,
    ended: bool,
    delimiter: u8,
    quote: u8,
}

/// A value that CSV has no form for: bytes.
#[derive(Debug)]
pub(super) struct NoForm {
    pub(super) column: usize,
}

impl<'o> Row<'o> {
    pub(super) fn new(out: &'o mut Vec<u8>, options: &Options) -> Self {
        let start = out.len();
        Self { out, start, ended: false, delimiter: options.delimiter, quote: options.quote }
    }

    /// Ends the line.
    pub(super) fn end(mut self) {
        if self.out.len() == self.start {
            // A line without anything would be no record.
            self.out.extend([self.quote; 2]);
        }
        self.out.push(b'\n');
        self.ended = true;
    }

    #[inline]
    fn separate(&mut self, column: usize) {
        if column > 0 {
            self.out.push(self.delimiter);
        }
    }

    #[inline]
    fn display(&mut self, column: usize, value: impl std::fmt::Display) -> Result<(), NoForm> {
        self.separate(column);
        // Writing to memory cannot fail.
        let _infallible = write!(self.out, "{value}");
        Ok(())
    }
}

impl Drop for Row<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.out.truncate(self.start);
        }
    }
}

impl FieldVisitor for Row<'_> {
    type Error = NoForm;

    fn null(&mut self, column: usize) -> Result<(), NoForm> {
        self.separate(column);
        Ok(())
    }

    fn boolean(&mut self, column: usize, value: bool) -> Result<(), NoForm> {
        self.separate(column);
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn i64(&mut self, column: usize, value: i64) -> Result<(), NoForm> {
        self.separate(column);
        push_i64(self.out, value);
        Ok(())
    }

    fn u64(&mut self, column: usize, value: u64) -> Result<(), NoForm> {
        self.separate(column);
        push_u64(self.out, value);
        Ok(())
    }

    /// The shortest form that reads back as the same number.
    fn f32(&mut self, column: usize, value: f32) -> Result<(), NoForm> {
        self.display(column, value)
    }

    fn f64(&mut self, column: usize, value: f64) -> Result<(), NoForm> {
        self.display(column, value)
    }

    fn text(&mut self, column: usize, value: &str) -> Result<(), NoForm> {
        self.separate(column);
        let bytes = value.as_bytes();
        // The first record's first field must not look like a byte order mark.
        let marked = column == 0 && bytes.starts_with(b"\xEF\xBB\xBF");
        if !marked && memchr::memchr2(self.delimiter, self.quote, bytes).is_none() && memchr::memchr2(b'\n', b'\r', bytes).is_none() {
            self.out.extend_from_slice(bytes);
            return Ok(());
        }
        self.out.push(self.quote);
        let mut rest = bytes;
        while let Some(quote) = memchr::memchr(self.quote, rest) {
            self.out.extend_from_slice(&rest[..=quote]);
            self.out.push(self.quote);
            rest = &rest[quote + 1..];
        }
        self.out.extend_from_slice(rest);
        self.out.push(self.quote);
        Ok(())
    }

    fn bytes(&mut self, column: usize, _value: &[u8]) -> Result<(), NoForm> {
        Err(NoForm { column })
    }
}
