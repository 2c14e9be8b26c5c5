//! The fields of one record.

use std::ops::Range;

use memchr::memchr;

use super::words::{Quotes, equal, pattern, places};
use crate::files::Cut;

/// Finds the fields of one record after another; its memory is reused.
#[derive(Debug, Default)]
pub(super) struct Fields {
    places: Vec<Place>,
    /// The fields of a record that has escaped quotes.
    unescaped: Vec<u8>,
}

/// The fields of one record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Split<'a> {
    /// Where in the bytes each field lies.
    pub(super) places: &'a [Place],
    pub(super) bytes: &'a [u8],
    /// The same as text, unless something in there is not UTF-8.
    pub(super) text: Option<&'a str>,
}

/// Where a field lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Place {
    #[inline]
    pub(super) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl Fields {
    /// Splits a record.
    #[inline]
    pub(super) fn split<'a>(&'a mut self, cut: &Cut<'a>, delimiter: u8, quote: u8) -> Split<'a> {
        self.places.clear();
        let record = cut.record();
        let first = cut.range.start as u32;
        if memchr(quote, record).is_none() {
            self.split_bare(record, first, delimiter);
        } else if !self.split_simple(record, first, delimiter, quote) {
            self.places.clear();
            self.split_quoted(record, delimiter, quote);
            return Split { places: &self.places, bytes: &self.unescaped, text: std::str::from_utf8(&self.unescaped).ok() };
        }
        Split { places: &self.places, bytes: cut.bytes, text: cut.text }
    }

    /// A record without quotes, whose first byte is number `first`.
    fn split_bare(&mut self, record: &[u8], first: u32, delimiter: u8) {
        let delimiters = pattern(delimiter);
        let mut start = first;
        each_word(record, delimiter, |base, word| {
            for at in places(equal(word, delimiters)) {
                let end = first + base + at as u32;
                self.places.push(Place { start, end });
                start = end + 1;
            }
            true
        });
    }

    /// A record whose quotes all enclose whole fields, with none inside. `false` for another one.
    fn split_simple(&mut self, record: &[u8], first: u32, delimiter: u8, quote: u8) -> bool {
        let (delimiters, quotes) = (pattern(delimiter), pattern(quote));
        let mut state = Quotes::default();
        let mut start = 0;
        // Whether the byte before the word ends a field, and whether it is a closing quote.
        let (mut after_end, mut after_closing) = (1 << 7, 0);
        let simple = each_word(record, delimiter, |base, word| {
            let quoted = state.next(equal(word, quotes));
            let ends = equal(word, delimiters) & !quoted.inside;
            let strays = quoted.opening & !((ends << 8) | after_end);
            let junk = ((quoted.closing << 8) | after_closing) & !ends;
            if strays | junk != 0 {
                return false;
            }
            (after_end, after_closing) = (ends >> 56, quoted.closing >> 56);
            for at in places(ends) {
                let end = base + at as u32;
                let enclosed = u32::from(record.get(start as usize) == Some(&quote));
                self.places.push(Place { start: first + start + enclosed, end: first + end - enclosed });
                start = end + 1;
            }
            true
        });
        simple && !state.inside()
    }

    /// Any record: its fields are copied, without their quotes.
    fn split_quoted(&mut self, record: &[u8], delimiter: u8, quote: u8) {
        self.unescaped.clear();
        let mut from = 0;
        loop {
            let start = self.unescaped.len() as u32;
            let end = if record.get(from) == Some(&quote) {
                self.quoted_field(record, from, delimiter, quote)
            } else {
                let end = find(delimiter, record, from);
                self.copy(record, from..end);
                end
            };
            self.places.push(Place { start, end: self.unescaped.len() as u32 });
            if end == record.len() {
                return;
            }
            from = end + 1;
        }
    }

    /// Copies the field that opens with the quote at `start`, and returns where its delimiter stands.
    /// What follows the closing quote belongs to the field as it stands.
    fn quoted_field(&mut self, record: &[u8], start: usize, delimiter: u8, quote: u8) -> usize {
        let mut from = start + 1;
        loop {
            let closing = find(quote, record, from);
            let after = (closing + 1).min(record.len());
            if record.get(after) == Some(&quote) && closing < record.len() {
                self.copy(record, from..after);
                from = after + 1;
                continue;
            }
            let end = find(delimiter, record, after);
            self.copy(record, from..closing);
            self.copy(record, after..end);
            return end;
        }
    }

    fn copy(&mut self, record: &[u8], range: Range<usize>) {
        self.unescaped.extend_from_slice(&record[range]);
    }
}

fn find(byte: u8, bytes: &[u8], from: usize) -> usize {
    memchr(byte, &bytes[from..]).map_or(bytes.len(), |at| from + at)
}

/// Shows `record` word by word, with where the word stands, and a delimiter behind the end, which
/// closes the last field. Stops at `false`, and returns it.
#[inline]
fn each_word(record: &[u8], delimiter: u8, mut one: impl FnMut(u32, u64) -> bool) -> bool {
    let (words, rest) = record.as_chunks::<8>();
    let mut base = 0;
    for word in words {
        if !one(base, u64::from_le_bytes(*word)) {
            return false;
        }
        base += 8;
    }
    // Neither a delimiter nor a quote can be zero.
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    last[rest.len()] = delimiter;
    one(base, u64::from_le_bytes(last))
}
