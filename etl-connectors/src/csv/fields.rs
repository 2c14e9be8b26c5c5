//! The fields of one record.

use std::ops::Range;

use memchr::memchr;

use super::words::{Quotes, equal, pattern, places};
use crate::files::Cut;

/// Finds the fields of one record after another; its memory is reused.
#[derive(Debug)]
pub(super) struct Fields {
    delimiter: u8,
    quote: u8,
    /// Whether there are quotes at all: they tend to be everywhere or nowhere.
    quotes: bool,
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
    /// For the records of these bytes.
    pub(super) fn new(bytes: &[u8], delimiter: u8, quote: u8) -> Self {
        Self { delimiter, quote, quotes: memchr(quote, bytes).is_some(), places: Vec::new(), unescaped: Vec::new() }
    }

    /// Splits a record.
    #[inline]
    pub(super) fn split<'a>(&'a mut self, cut: &Cut<'a>) -> Split<'a> {
        self.places.clear();
        if !self.quotes || memchr(self.quote, cut.record()).is_none() {
            self.split_bare(cut);
        } else if !self.split_simple(cut) {
            self.places.clear();
            self.split_quoted(cut.record());
            return Split { places: &self.places, bytes: &self.unescaped, text: std::str::from_utf8(&self.unescaped).ok() };
        }
        Split { places: &self.places, bytes: cut.bytes, text: cut.text }
    }

    /// A record without quotes.
    fn split_bare(&mut self, cut: &Cut<'_>) {
        let delimiters = pattern(self.delimiter);
        let mut start = cut.range.start as u32;
        each_word(cut, self.delimiter, |base, word| {
            for at in places(equal(word, delimiters)) {
                let end = base + at as u32;
                self.places.push(Place { start, end });
                start = end + 1;
            }
            true
        });
    }

    /// A record whose quotes all enclose whole fields, with none inside. `false` for another one.
    fn split_simple(&mut self, cut: &Cut<'_>) -> bool {
        let (delimiters, quotes) = (pattern(self.delimiter), pattern(self.quote));
        let mut state = Quotes::default();
        let mut start = cut.range.start as u32;
        // Whether the byte before the word ends a field, and whether it is a closing quote.
        let (mut after_end, mut after_closing) = (1 << 7, 0);
        let simple = each_word(cut, self.delimiter, |base, word| {
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
                let enclosed = u32::from(cut.bytes.get(start as usize) == Some(&self.quote));
                self.places.push(Place { start: start + enclosed, end: end - enclosed });
                start = end + 1;
            }
            true
        });
        simple && !state.inside()
    }

    /// Any record: its fields are copied, without their quotes.
    fn split_quoted(&mut self, record: &[u8]) {
        self.unescaped.clear();
        let mut from = 0;
        loop {
            let start = self.unescaped.len() as u32;
            let end = if record.get(from) == Some(&self.quote) {
                self.quoted_field(record, from)
            } else {
                let end = find(self.delimiter, record, from);
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
    fn quoted_field(&mut self, record: &[u8], start: usize) -> usize {
        let mut from = start + 1;
        loop {
            let closing = find(self.quote, record, from);
            let after = (closing + 1).min(record.len());
            if record.get(after) == Some(&self.quote) && closing < record.len() {
                self.copy(record, from..after);
                from = after + 1;
                continue;
            }
            let end = find(self.delimiter, record, after);
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

/// Shows a record word by word, with where the word stands, and a delimiter behind the end, which
/// closes the last field. Stops at `false`, and returns it.
#[inline]
fn each_word(cut: &Cut<'_>, delimiter: u8, mut one: impl FnMut(u32, u64) -> bool) -> bool {
    let (words, rest) = cut.record().as_chunks::<8>();
    let mut base = cut.range.start as u32;
    for word in words {
        if !one(base, u64::from_le_bytes(*word)) {
            return false;
        }
        base += 8;
    }
    // What is behind the record is cut off. Neither a delimiter nor a quote can be the zero that is left.
    let end = 8 * rest.len();
    let last = word_at(cut.bytes, base as usize) & !(u64::MAX << end);
    one(base, last | (u64::from(delimiter) << end))
}

/// The eight bytes from `at` on, the first one lowest; zeros where there are none.
#[inline]
fn word_at(bytes: &[u8], at: usize) -> u64 {
    let bytes = &bytes[at..];
    bytes
        .first_chunk()
        .map_or_else(|| bytes.iter().rev().fold(0, |word, byte| (word << 8) | u64::from(*byte)), |word| u64::from_le_bytes(*word))
}
