//! The fields of one record.

use std::ops::Range;

use memchr::memchr;

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
        if memchr(quote, record).is_none() { self.split_bare(record, delimiter) } else { self.split_quoted(record, delimiter, quote) }
    }

    /// Eight bytes at a time: fields are short, and a search that starts anew for each is slow.
    fn split_bare(&mut self, record: &[u8], delimiter: u8) {
        let pattern = u64::from_le_bytes([delimiter; 8]);
        let (words, rest) = record.as_chunks::<8>();
        let mut start = 0_u32;
        let mut base = 0_u32;
        for word in words {
            let mut hits = zero_bytes(u64::from_le_bytes(*word) ^ pattern);
            while hits != 0 {
                let end = base + hits.trailing_zeros() / 8;
                self.places.push(Place { start, end, unescaped: false });
                start = end + 1;
                hits &= hits - 1;
            }
            base += 8;
        }
        for byte in rest {
            if *byte == delimiter {
                self.places.push(Place { start, end: base, unescaped: false });
                start = base + 1;
            }
            base += 1;
        }
        self.places.push(Place { start, end: base, unescaped: false });
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

/// The high bit of every byte that is zero.
#[inline]
fn zero_bytes(word: u64) -> u64 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    !(((word & LOW) + LOW) | word | LOW)
}
