//! JSON lines, written by hand.

use super::parse::{Row, Text};

/// The most that one row takes beside its texts: keys, numbers and punctuation.
const FIXED: usize = 1024;

pub(crate) struct Lines(Vec<u8>);

impl Lines {
    pub(crate) fn new(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, row: &Row<'_>) {
        let texts = [Some(row.carrier), row.tailnum, Some(row.origin), Some(row.dest), Some(row.time_hour)];
        let length: usize = texts.iter().flatten().map(|text| text.bytes().len()).sum();
        // An escaped byte is six at most; origin and dest are written twice.
        self.0.reserve(FIXED + 12 * length);
        let mut out = Cursor { end: unsafe { self.0.as_mut_ptr().add(self.0.len()) } };
        // SAFETY: there is room.
        unsafe {
            out.put(b"{\"year\":");
            out.number(row.year.into());
            out.put(b",\"month\":");
            out.number(row.month.into());
            out.put(b",\"day\":");
            out.number(row.day.into());
            out.put(b",\"dep_time\":");
            out.optional(row.dep_time.map(u32::from));
            out.put(b",\"sched_dep_time\":");
            out.number(row.sched_dep_time.into());
            out.put(b",\"dep_delay\":");
            out.signed(row.dep_delay);
            out.put(b",\"arr_time\":");
            out.optional(row.arr_time.map(u32::from));
            out.put(b",\"sched_arr_time\":");
            out.number(row.sched_arr_time.into());
            out.put(b",\"arr_delay\":");
            out.signed(row.arr_delay);
            out.put(b",\"carrier\":\"");
            out.text(row.carrier);
            out.put(b"\",\"flight\":");
            out.number(row.flight);
            match row.tailnum {
                Some(tailnum) => {
                    out.put(b",\"tailnum\":\"");
                    out.text(tailnum);
                    out.put(b"\",\"origin\":\"");
                }
                None => out.put(b",\"tailnum\":null,\"origin\":\""),
            }
            out.text(row.origin);
            out.put(b"\",\"dest\":\"");
            out.text(row.dest);
            out.put(b"\",\"air_time\":");
            out.optional(row.air_time);
            out.put(b",\"distance\":");
            out.signed(Some(row.distance));
            out.put(b",\"hour\":");
            out.number(row.hour.into());
            out.put(b",\"minute\":");
            out.number(row.minute.into());
            out.put(b",\"time_hour\":\"");
            out.text(row.time_hour);
            out.put(b"\",\"route\":\"");
            out.text(row.origin);
            out.put(b"-");
            out.text(row.dest);
            out.put(b"\",\"gained\":");
            out.signed(row.gained());
            out.put(b",\"speed_mph\":");
            match row.speed_mph() {
                Some(speed) => out.some(zmij::Buffer::new().format_finite(speed).as_bytes()),
                None => out.put(b"null"),
            }
            out.put(b"}\n");
            self.0.set_len(out.end.offset_from_unsigned(self.0.as_ptr()));
        }
    }
}

/// Two digits of every number below a hundred.
static PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
};

/// Writes without looking whether there is room.
struct Cursor {
    end: *mut u8,
}

/// # Safety
/// There is room for everything that is written.
impl Cursor {
    #[inline(always)]
    unsafe fn put<const N: usize>(&mut self, bytes: &[u8; N]) {
        unsafe {
            self.end.cast::<[u8; N]>().write_unaligned(*bytes);
            self.end = self.end.add(N);
        }
    }

    #[inline(always)]
    unsafe fn some(&mut self, bytes: &[u8]) {
        unsafe {
            self.end.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            self.end = self.end.add(bytes.len());
        }
    }

    #[inline(always)]
    unsafe fn number(&mut self, value: u32) {
        unsafe {
            match value {
                0..10 => self.put(&[b'0' + value as u8]),
                10..100 => self.put(&PAIRS[value as usize]),
                100..1_000 => {
                    self.put(&[b'0' + (value / 100) as u8]);
                    self.put(&PAIRS[value as usize % 100]);
                }
                1_000..10_000 => {
                    self.put(&PAIRS[value as usize / 100]);
                    self.put(&PAIRS[value as usize % 100]);
                }
                _ => self.some(itoa::Buffer::new().format(value).as_bytes()),
            }
        }
    }

    #[inline(always)]
    unsafe fn optional(&mut self, value: Option<u32>) {
        match value {
            Some(value) => unsafe { self.number(value) },
            None => unsafe { self.put(b"null") },
        }
    }

    #[inline(always)]
    unsafe fn signed(&mut self, value: Option<i32>) {
        match value {
            Some(value) => unsafe {
                if value < 0 {
                    self.put(b"-");
                }
                self.number(value.unsigned_abs());
            },
            None => unsafe { self.put(b"null") },
        }
    }

    #[inline(always)]
    unsafe fn text(&mut self, text: Text<'_>) {
        let bytes = text.bytes();
        if bytes.iter().any(|byte| *byte < b' ' || matches!(byte, b'"' | b'\\')) {
            unsafe { self.escaped(bytes) };
        } else if bytes.len() <= 32 {
            // There is padding behind the text, and room for more.
            unsafe {
                self.end.copy_from_nonoverlapping(bytes.as_ptr(), 32);
                self.end = self.end.add(bytes.len());
            }
        } else {
            unsafe { self.some(bytes) };
        }
    }

    #[cold]
    unsafe fn escaped(&mut self, bytes: &[u8]) {
        let quoted = serde_json::to_vec(&String::from_utf8_lossy(bytes)).unwrap_or_default();
        unsafe { self.some(&quoted[1..quoted.len() - 1]) };
    }
}
