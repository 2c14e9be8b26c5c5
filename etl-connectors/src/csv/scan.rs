//! Where the records of a CSV file end, by the rules of the `csv` crate: a quote counts only at
//! the start of a field; `\n`, `\r` and `\r\n` end a record; empty lines are no records.

use memchr::{memchr, memchr_iter, memchr2_iter, memchr3};

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
}

impl Scan for CsvScan {
    fn scan(&mut self, bytes: &[u8], from: usize, mut start: usize, starts: &mut Vec<u32>) -> usize {
        let mut at = from;
        while at < bytes.len() {
            match self.place {
                Place::Bare => {
                    let Some(quote) = memchr(self.quote, &bytes[at..]) else {
                        return Self::scan_bare(bytes, at, start, starts);
                    };
                    // Quotes tend to be everywhere or nowhere: search for all three until one opens.
                    let first_quote = at + quote;
                    start = Self::scan_bare(&bytes[..first_quote], at, start, starts);
                    at = first_quote;
                    while let Some(found) = memchr3(self.quote, b'\n', b'\r', &bytes[at..]) {
                        let found = at + found;
                        at = found + 1;
                        if bytes[found] != self.quote {
                            if found > start {
                                starts.push(start as u32);
                            }
                            start = at;
                        } else if found == start || bytes[found - 1] == self.delimiter {
                            self.place = Place::Quoted;
                            break;
                        }
                    }
                    if self.place == Place::Bare {
                        return start;
                    }
                }
                Place::Quoted => match memchr(self.quote, &bytes[at..]) {
                    Some(quote) => {
                        at += quote + 1;
                        self.place = Place::QuoteSeen;
                    }
                    None => return start,
                },
                Place::QuoteSeen => {
                    if bytes[at] == self.quote {
                        at += 1;
                        self.place = Place::Quoted;
                    } else {
                        self.place = Place::Bare;
                    }
                }
            }
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
