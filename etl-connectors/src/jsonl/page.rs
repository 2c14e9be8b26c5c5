//! Text that is put together from short pieces.
//!
//! A [`Page`] is memory that has been written once already, so that a piece of up to [`SHORT`]
//! bytes can be put down as whole words: there is one look at the room a piece, and no call to
//! copy three bytes.

use std::io::{self, Write};

/// There is always that much room for the next piece: a short key and a value.
pub(super) const WINDOW: usize = 64;

/// How long a piece may be that [`piece`] puts down.
pub(super) const SHORT: usize = 32;

/// A piece of text starts in the first half of a window.
const START: usize = WINDOW - SHORT - 1;

/// Bytes to which text is appended.
#[derive(Default)]
pub(super) struct Page {
    /// The text, and behind it what is left of earlier ones.
    bytes: Vec<u8>,
    length: usize,
}

impl Page {
    pub(super) fn text(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// Forgets what comes after the first `length` bytes.
    pub(super) fn truncate(&mut self, length: usize) {
        self.length = length.min(self.length);
    }

    /// Room to write to; [`Page::advance`] says how much of it counts.
    #[inline(always)]
    pub(super) fn window(&mut self) -> &mut [u8; WINDOW] {
        if self.bytes.len() - self.length < WINDOW {
            self.grow(WINDOW);
        }
        let Some(window) = self.bytes[self.length..].first_chunk_mut() else { unreachable!("room was made") };
        window
    }

    #[inline(always)]
    pub(super) fn advance(&mut self, count: usize) {
        self.length += count;
    }

    /// Appends bytes of any length.
    #[inline]
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.bytes.len() - self.length < bytes.len() {
            self.grow(bytes.len());
        }
        self.bytes[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, room: usize) {
        let wanted = (self.length + room).max(2 * self.bytes.len()).max(4 << 10);
        self.bytes.resize(wanted, 0);
    }
}

/// For `serde_json`.
impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Puts up to [`SHORT`] bytes at `at`, and returns where they end.
#[inline(always)]
pub(super) fn piece(window: &mut [u8; WINDOW], at: usize, text: &[u8]) -> usize {
    let (at, length) = (at.min(START), text.len().min(SHORT));
    // The first and the last bytes of a piece cover it; where they overlap, they are the same.
    macro_rules! ends {
        ($size:literal) => {
            if let (Some(first), Some(last)) = (text.first_chunk::<$size>(), text.last_chunk::<$size>()) {
                window[at..at + $size].copy_from_slice(first);
                window[at + length - $size..at + length].copy_from_slice(last);
                return at + length;
            }
        };
    }
    ends!(16);
    ends!(8);
    ends!(4);
    if let Some(last) = length.checked_sub(1) {
        window[at] = text[0];
        window[at + length / 2] = text[length / 2];
        window[at + last] = text[last];
    }
    at + length
}

/// Whether a text can stand in quotes as it is.
#[inline(always)]
pub(super) fn is_plain(text: &[u8]) -> bool {
    #[inline(always)]
    fn plain<const N: usize>(bytes: &[u8; N]) -> bool {
        // Without a branch, so that it becomes vector instructions.
        bytes.iter().fold(true, |plain, byte| plain & (*byte >= b' ') & (*byte != b'"') & (*byte != b'\\'))
    }
    macro_rules! ends {
        ($size:literal) => {
            if let (Some(first), Some(last)) = (text.first_chunk::<$size>(), text.last_chunk::<$size>()) {
                return plain(first) & plain(last);
            }
        };
    }
    if text.len() > SHORT {
        let (chunks, rest) = text.as_chunks::<SHORT>();
        return chunks.iter().all(plain) && is_plain(rest);
    }
    ends!(16);
    ends!(8);
    ends!(4);
    text.iter().all(|byte| plain(&[*byte]))
}

/// Puts the decimal digits of `value` at `at`, and returns where they end.
#[inline(always)]
pub(super) fn digits(window: &mut [u8; WINDOW], at: usize, value: u64) -> usize {
    if value >= 10_000 {
        return piece(window, at, itoa::Buffer::new().format(value).as_bytes());
    }
    // Most numbers are small, and are made where they are wanted: two below a hundred side by side,
    // divided as multiplication by a fraction; the first digit in the lowest byte.
    let value = value as u32;
    let hundreds = (value * 5_243) >> 19;
    let pairs = hundreds | (value - 100 * hundreds) << 16;
    let tens = ((pairs * 103) >> 10) & 0x000F_000F;
    let digits = tens | (pairs - 10 * tens) << 8;
    let zeros = (digits | 1 << 24).trailing_zeros() / 8;
    piece(window, at, &((digits | 0x3030_3030) >> (8 * zeros)).to_le_bytes());
    at + 4 - zeros as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_display() {
        let powers = (0..20).flat_map(|power| [10_u64.pow(power) - 1, 10_u64.pow(power), 10_u64.pow(power) + 1]);
        for value in (0..20_000).chain(powers).chain([u64::MAX]) {
            let mut window = [b'x'; WINDOW];
            let end = digits(&mut window, 3, value);
            assert_eq!(std::str::from_utf8(&window[3..end]).unwrap(), value.to_string());
        }
    }

    #[test]
    fn a_piece_of_any_length_is_put_whole() {
        let text: Vec<u8> = (b'A'..).take(SHORT).collect();
        for length in 0..=SHORT {
            let mut window = [b'x'; WINDOW];
            assert_eq!(piece(&mut window, 30, &text[..length]), 30 + length);
            assert_eq!((&window[..30], &window[30..30 + length]), (&[b'x'; 30][..], &text[..length]));
        }
    }

    #[test]
    fn what_must_be_escaped_is_found_at_any_place() {
        for length in 0..100 {
            assert!(is_plain(&vec![b'a'; length]));
            for (place, byte) in (0..length).flat_map(|place| [0, 31, b'"', b'\\', b' ', 127, 255].map(|byte| (place, byte))) {
                let mut text = vec![b'a'; length];
                text[place] = byte;
                assert_eq!(is_plain(&text), ![0, 31, b'"', b'\\'].contains(&byte));
            }
        }
    }
}
