//! Where the fields of a lease are.

use bench_clean::Result;
use csv_core::ReadRecordResult;

use super::leases::PADDING;
use super::parse::WIDTH;

/// The separators of a lease without quotes.
#[derive(Default)]
pub(crate) struct Index {
    /// Where each comma and newline stands.
    separators: Vec<u32>,
    /// How many separators there are up to the end of each line.
    lines: Vec<u32>,
    /// Whether there is anything but ASCII.
    pub(crate) non_ascii: bool,
}

/// The fields of one line.
#[derive(Clone, Copy)]
pub(crate) struct Places<'i> {
    start: usize,
    separators: &'i [u32; WIDTH],
    end: usize,
}

impl Places<'_> {
    #[inline(always)]
    pub(crate) fn get(self, at: usize) -> (usize, usize) {
        let start = if at == 0 { self.start } else { self.separators[at - 1] as usize + 1 };
        let end = if at == WIDTH - 1 { self.end } else { self.separators[at] as usize };
        (start, end)
    }
}

impl Index {
    /// Finds the separators of `bytes[..end]`; there is padding behind.
    pub(crate) fn find(&mut self, bytes: &[u8], end: usize) -> Result<()> {
        assert!(bytes.len() >= end + PADDING);
        self.separators.clear();
        self.lines.clear();
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("popcnt") {
            // Every byte could be a separator; what is not touched costs nothing. Eight are written at a time.
            self.separators.reserve(end + 2 * PADDING);
            // SAFETY: the instructions are there; the room is reserved; the padding may be read.
            let (quotes, high) = unsafe { self.find_avx2(bytes, end) };
            self.non_ascii = high;
            return if quotes { Err("the file has quotes".into()) } else { Ok(()) };
        }
        self.find_plain(&bytes[..end])
    }

    fn find_plain(&mut self, bytes: &[u8]) -> Result<()> {
        for at in memchr::memchr3_iter(b',', b'\n', b'"', bytes) {
            if bytes[at] == b'"' {
                return Err("the file has quotes".into());
            }
            self.separators.push(at as u32);
            if bytes[at] == b'\n' {
                self.lines.push(self.separators.len() as u32);
            }
        }
        self.non_ascii = !bytes.is_ascii();
        Ok(())
    }

    /// # Safety
    /// The processor has AVX2 and POPCNT, `separators` has room for `end` + 128, and 64 bytes behind
    /// `end` can be read.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,popcnt,bmi1")]
    unsafe fn find_avx2(&mut self, bytes: &[u8], end: usize) -> (bool, bool) {
        use std::arch::x86_64::{
            __m256i, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8, _mm256_setzero_si256,
        };
        let (comma, newline, quote) = (_mm256_set1_epi8(b',' as i8), _mm256_set1_epi8(b'\n' as i8), _mm256_set1_epi8(b'"' as i8));
        let (mut any, mut quotes) = (_mm256_setzero_si256(), _mm256_setzero_si256());
        let out = self.separators.as_mut_ptr();
        let mut count = 0_usize;
        let mut at = 0;
        while at < end {
            // SAFETY: up to 64 bytes behind `end` can be read, and up to 64 places are written.
            unsafe {
                let low = _mm256_loadu_si256(bytes.as_ptr().add(at).cast::<__m256i>());
                let high = _mm256_loadu_si256(bytes.as_ptr().add(at + 32).cast::<__m256i>());
                let both = |wanted| {
                    let low = _mm256_movemask_epi8(_mm256_cmpeq_epi8(low, wanted)) as u32;
                    let high = _mm256_movemask_epi8(_mm256_cmpeq_epi8(high, wanted)) as u32;
                    u64::from(low) | (u64::from(high) << 32)
                };
                any = _mm256_or_si256(any, _mm256_or_si256(low, high));
                let quoted = _mm256_or_si256(_mm256_cmpeq_epi8(low, quote), _mm256_cmpeq_epi8(high, quote));
                quotes = _mm256_or_si256(quotes, quoted);
                // The padding is zero.
                let mut ends = both(newline);
                let mut all = both(comma) | ends;
                while ends != 0 {
                    let bit = ends & ends.wrapping_neg();
                    self.lines.push(count as u32 + (all & (bit - 1)).count_ones() + 1);
                    ends ^= bit;
                }
                let found = all.count_ones() as usize;
                let mut place = out.add(count);
                let stop = out.add(count + found);
                while place < stop {
                    for slot in 0..8 {
                        *place.add(slot) = at as u32 + all.trailing_zeros();
                        all &= all.wrapping_sub(1);
                    }
                    place = place.add(8);
                }
                count += found;
            }
            at += 64;
        }
        // SAFETY: so many were written.
        unsafe { self.separators.set_len(count) };
        (_mm256_movemask_epi8(quotes) != 0, _mm256_movemask_epi8(any) != 0)
    }

    /// Shows every line but empty ones: its number in the lease, its bytes, and its fields if they
    /// are as many as there should be. Returns how many lines there are.
    #[inline(always)]
    pub(crate) fn each(&self, bytes: &[u8], end: usize, mut one: impl FnMut(u64, &[u8], Option<Places<'_>>) -> Result<()>) -> Result<u64> {
        let (mut start, mut from) = (0, 0);
        debug_assert_eq!(self.separators.last().map(|at| *at as usize + 1), (end > 0).then_some(end));
        for (line, to) in self.lines.iter().enumerate() {
            let separators = &self.separators[from..*to as usize];
            from = *to as usize;
            let newline = separators[separators.len() - 1] as usize;
            let end = if newline > start && bytes[newline - 1] == b'\r' { newline - 1 } else { newline };
            if end > start {
                let places = <&[u32; WIDTH]>::try_from(separators).ok().map(|separators| Places { start, separators, end });
                one(line as u64, &bytes[start..end], places)?;
            }
            start = newline + 1;
        }
        Ok(self.lines.len() as u64)
    }
}

/// Splits by the whole grammar, with csv-core.
pub(crate) struct Core {
    fields: Vec<u8>,
    ends: Vec<usize>,
}

impl Default for Core {
    fn default() -> Self {
        Self { fields: vec![0; 4096], ends: vec![0; 64] }
    }
}

impl Core {
    /// Shows every record: its line in the lease, its bytes, and its fields (with padding behind) by
    /// where they end. Returns how many lines there are.
    #[inline(always)]
    pub(crate) fn each(&mut self, input: &[u8], mut one: impl FnMut(u64, &[u8], &[u8], &[usize]) -> Result<()>) -> Result<u64> {
        let mut core = csv_core::Reader::new();
        let (mut at, mut start, mut line) = (0, 0, 0);
        let (mut length, mut count) = (0, 0);
        loop {
            let room = self.fields.len() - PADDING;
            let (result, read, written, ended) = core.read_record(&input[at..], &mut self.fields[length..room], &mut self.ends[count..]);
            at += read;
            length += written;
            count += ended;
            match result {
                // The next call sees no input, which is the end.
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.fields.resize(self.fields.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record => {
                    let mut raw = &input[start..at];
                    while let [rest @ .., b'\n' | b'\r'] = raw {
                        raw = rest;
                    }
                    one(line, raw, &self.fields, &self.ends[..count])?;
                    (start, line, length, count) = (at, core.line() - 1, 0, 0);
                }
                ReadRecordResult::End => return Ok(core.line() - 1),
            }
        }
    }
}
