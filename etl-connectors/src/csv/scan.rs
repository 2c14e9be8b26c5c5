//! Where the records of a CSV file end, by the rules of the `csv` crate: a quote counts only at
//! the start of a field; `\n`, `\r` and `\r\n` end a record; empty lines are no records.

use memchr::{memchr, memchr_iter, memchr2_iter};

use super::words::{Quotes, equal, pattern, places};
use crate::files::Scan;

/// Finds the ends of records; can stop and go on at any byte.
#[derive(Debug)]
pub(super) struct CsvScan {
    delimiter: u8,
    quote: u8,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Not inside quotes.
    Bare,
    /// Inside quotes.
    Quoted,
    /// Behind a quote inside quotes: the end of them, or half of an escaped quote.
    QuoteSeen,
}

impl CsvScan {
    pub(super) fn new(delimiter: u8, quote: u8) -> Self {
        Self { delimiter, quote, place: Place::Bare }
    }

    /// A part that holds no quote at all and starts outside quotes.
    fn scan_bare(bytes: &[u8], from: usize, mut start: usize, starts: &mut Vec<u32>) -> usize {
        let mut end_at = |end: usize| {
            if end > start {
                starts.push(start as u32);
            }
            start = end + 1;
        };
        let part = &bytes[from..];
        // `\r` is rare enough in whole files to look for it first.
        if memchr(b'\r', part).is_none() {
            memchr_iter(b'\n', part).for_each(|at| end_at(from + at));
        } else {
            memchr2_iter(b'\n', b'\r', part).for_each(|at| end_at(from + at));
        }
        start
    }

    /// Whole words, as long as quotes are well-formed: each opens at the start of a field or right
    /// behind one that closes. Returns where it stopped, and the start of the unfinished record.
    fn scan_words(&mut self, bytes: &[u8], mut at: usize, mut start: usize, starts: &mut Vec<u32>) -> (usize, usize) {
        let [quote, delimiter, newline, carriage_return] = [self.quote, self.delimiter, b'\n', b'\r'].map(pattern);
        let mut quotes = Quotes::new(self.place == Place::Quoted);
        // Whether a quote may open at the first byte of the word, and whether the byte before closes.
        let may_open = self.place == Place::QuoteSeen || at == start || bytes[at - 1] == self.delimiter;
        let (mut before, mut closed) = (u64::from(may_open) << 7, self.place == Place::QuoteSeen);
        for word in bytes[at..].as_chunks::<8>().0 {
            let word = u64::from_le_bytes(*word);
            let mut after = quotes;
            let quoted = after.next(equal(word, quote));
            let ends = (equal(word, newline) | equal(word, carriage_return)) & !quoted.inside;
            let good = equal(word, delimiter) | ends | quoted.closing;
            if quoted.opening & !((good << 8) | before) != 0 {
                break;
            }
            for end in places(ends) {
                let end = at + end;
                if end > start {
                    starts.push(start as u32);
                }
                start = end + 1;
            }
            (before, closed, quotes) = (good >> 56, quoted.closing >> 63 != 0, after);
            at += 8;
        }
        self.place = match (quotes.inside(), closed) {
            (true, _) => Place::Quoted,
            (false, true) => Place::QuoteSeen,
            (false, false) => Place::Bare,
        };
        (at, start)
    }

    /// Byte by byte, whatever the quotes, to the end of the record or of the bytes.
    fn scan_record(&mut self, bytes: &[u8], mut at: usize, start: usize, starts: &mut Vec<u32>) -> (usize, usize) {
        while let Some(byte) = bytes.get(at).copied() {
            match self.place {
                // Half of an escaped quote, or the end of the quotes and a byte like any other.
                Place::QuoteSeen if byte != self.quote => {
                    self.place = Place::Bare;
                    continue;
                }
                Place::QuoteSeen => self.place = Place::Quoted,
                Place::Quoted if byte == self.quote => self.place = Place::QuoteSeen,
                Place::Quoted => {}
                Place::Bare if matches!(byte, b'\n' | b'\r') => {
                    if at > start {
                        starts.push(start as u32);
                    }
                    return (at + 1, at + 1);
                }
                Place::Bare if byte == self.quote && (at == start || bytes[at - 1] == self.delimiter) => self.place = Place::Quoted,
                Place::Bare => {}
            }
            at += 1;
        }
        (at, start)
    }
}

impl Scan for CsvScan {
    const LINES: bool = false;

    fn scan(&mut self, bytes: &[u8], from: usize, mut start: usize, starts: &mut Vec<u32>) -> usize {
        // Quotes tend to be everywhere or nowhere.
        if self.place == Place::Bare && memchr(self.quote, &bytes[from..]).is_none() {
            return Self::scan_bare(bytes, from, start, starts);
        }
        let mut at = from;
        while at < bytes.len() {
            (at, start) = self.scan_words(bytes, at, start, starts);
            (at, start) = self.scan_record(bytes, at, start, starts);
        }
        start
    }

    fn is_record(&self, rest: &[u8]) -> bool {
        !rest.is_empty()
    }

    fn quoted(&self) -> bool {
        self.place == Place::Quoted
    }
}
