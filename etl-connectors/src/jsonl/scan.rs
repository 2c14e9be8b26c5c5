//! Where lines end. Blank ones are no records.

use memchr::memchr_iter;

use crate::files::Scan;

/// Finds the ends of lines.
#[derive(Debug, Default)]
pub(super) struct LineScan {
    /// The unfinished line is known to be more than white space.
    solid: bool,
}

impl Scan for LineScan {
    const LINES: bool = true;

    fn scan(&mut self, bytes: &[u8], from: usize, mut start: usize, starts: &mut Vec<u32>) -> usize {
        for at in memchr_iter(b'\n', &bytes[from..]) {
            let end = from + at;
            if std::mem::take(&mut self.solid) || is_solid(&bytes[start..end]) {
                starts.push(start as u32);
            }
            start = end + 1;
        }
        self.solid = self.solid || is_solid(&bytes[start..]);
        start
    }

    fn is_record(&self, rest: &[u8]) -> bool {
        self.solid && !rest.is_empty()
    }
}

fn is_solid(line: &[u8]) -> bool {
    // What JSON takes for white space.
    !line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}
