//! The fields of one record.

use std::ops::Range;

use memchr::memchr;

use super::words::{Quotes, equal, pattern, places};

/// Finds the fields of one record after another; its memory is reused.
#[derive(Debug, Default)]
pub(super) struct Fields {
    places: Vec<Place>,
    /// Fields that are not in the record as they stand, because of escaped quotes.
    unescaped: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    start: u32,
    end: u32,
    unescaped: bool,
}

impl Fields {
    /// How many fields the record has.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// A field of the record that was split last.
    #[inline]
    pub(super) fn get<'a>(&'a self, record: &'a [u8], index: usize) -> &'a [u8] {
        let Some(place) = self.places.get(index) else { return &[] };
        let bytes = if place.unescaped { &self.unescaped } else { record };
        &bytes[place.start as usize..place.end as usize]
    }

    /// Splits a record, which comes without what ends it.
    #[inline]
    pub(super) fn split(&mut self, record: &[u8], delimiter: u8, quote: u8) {
        self.places.clear();
        if memchr(quote, record).is_none() {
            self.split_bare(record, delimiter);
        } else if !self.split_simple(record, delimiter, quote) {
            self.places.clear();
            self.split_quoted(record, delimiter, quote);
        }
    }

    /// A record without quotes.
    fn split_bare(&mut self, record: &[u8], delimiter: u8) {
        let delimiters = pattern(delimiter);
        let mut start = 0;
        each_word(record, delimiter, |base, word| {
            for at in places(equal(word, delimiters)) {
                let end = base + at as u32;
                self.places.push(Place { start, end, unescaped: false });
                start = end + 1;
            }
            true
        });
    }

    /// A record whose quotes all enclose whole fields, with none inside. `false` for another one.
    fn split_simple(&mut self, record: &[u8], delimiter: u8, quote: u8) -> bool {
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
                self.places.push(Place { start: start + enclosed, end: end - enclosed, unescaped: false });
                start = end + 1;
            }
            true
        });
        simple && !state.inside()
    }

    fn split_quoted(&mut self, record: &[u8], delimiter: u8, quote: u8) {
        self.unescaped.clear();
        let mut start = 0;
        loop {
            let (place, end) = if record.get(start) == Some(&quote) {
                self.quoted_field(record, start, delimiter, quote)
            } else {
                let end = find(delimiter, record, start);
                (Place { start: start as u32, end: end as u32, unescaped: false }, end)
            };
            self.places.push(place);
            if end == record.len() {
                return;
            }
            start = end + 1;
        }
    }

    /// The field that opens with the quote at `start`, and where its delimiter stands. What follows
    /// the closing quote belongs to the field as it stands.
    fn quoted_field(&mut self, record: &[u8], start: usize, delimiter: u8, quote: u8) -> (Place, usize) {
        let copied = self.unescaped.len();
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
            if self.unescaped.len() == copied && end == after {
                return (Place { start: from as u32, end: closing as u32, unescaped: false }, end);
            }
            self.copy(record, from..closing);
            self.copy(record, after..end);
            return (Place { start: copied as u32, end: self.unescaped.len() as u32, unescaped: true }, end);
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
