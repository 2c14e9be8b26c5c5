//! Looking at eight bytes at a time: fields are short, and a search that starts anew for each one is
//! slow.
//!
//! A mask has the high bit of every byte that it speaks of.

/// The high bit of every byte.
pub(super) const ALL: u64 = 0x8080_8080_8080_8080;

/// Where `word` has the byte of which `pattern` is made.
#[inline]
pub(super) fn equal(word: u64, pattern: u64) -> u64 {
    const LOW: u64 = !ALL;
    let zero = word ^ pattern;
    !(((zero & LOW) + LOW) | zero | LOW)
}

/// A byte eight times.
#[inline]
pub(super) const fn pattern(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The places of a mask, from the first byte on.
#[inline]
pub(super) fn places(mut mask: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let at = (mask != 0).then(|| mask.trailing_zeros() as usize / 8);
        mask &= mask.wrapping_sub(1);
        at
    })
}

/// Follows quotes from word to word, as long as they are well-formed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Quotes {
    /// Whether the word at hand begins inside quotes: all bits of a mask, or none.
    inside: u64,
}

/// The quotes of one word.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quoted {
    /// Bytes inside quotes, opening quotes among them.
    pub(super) inside: u64,
    /// Quotes that open.
    pub(super) opening: u64,
    /// Quotes that close.
    pub(super) closing: u64,
}

impl Quotes {
    pub(super) fn new(inside: bool) -> Self {
        Self { inside: if inside { ALL } else { 0 } }
    }

    /// Whether the next word begins inside quotes.
    pub(super) fn inside(self) -> bool {
        self.inside != 0
    }

    /// Takes the quotes of the next word: each one opens or closes.
    #[inline]
    pub(super) fn next(&mut self, quotes: u64) -> Quoted {
        // In each byte: whether the number of quotes up to here is odd.
        let mut odd = quotes ^ (quotes << 8);
        odd ^= odd << 16;
        odd ^= odd << 32;
        let inside = odd ^ self.inside;
        self.inside = if inside >> 63 == 0 { 0 } else { ALL };
        Quoted { inside, opening: quotes & inside, closing: quotes & !inside }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_name_their_bytes() {
        let word = u64::from_le_bytes(*b"a,,b\x00\xff,c");
        assert_eq!(places(equal(word, pattern(b','))).collect::<Vec<_>>(), [1, 2, 6]);
        assert_eq!(places(equal(word, pattern(0))).collect::<Vec<_>>(), [4]);
        assert_eq!(places(equal(word, pattern(0xFF))).collect::<Vec<_>>(), [5]);
        assert_eq!(places(ALL).count(), 8);
    }

    #[test]
    fn quotes_open_and_close_over_words() {
        let mut quotes = Quotes::default();
        let first = quotes.next(equal(u64::from_le_bytes(*b"\"a\",\"b,c"), pattern(b'"')));
        assert_eq!(places(first.opening).collect::<Vec<_>>(), [0, 4]);
        assert_eq!(places(first.closing).collect::<Vec<_>>(), [2]);
        assert_eq!(places(first.inside).collect::<Vec<_>>(), [0, 1, 4, 5, 6, 7]);
        assert!(quotes.inside());
        let second = quotes.next(equal(u64::from_le_bytes(*b"d\",efghi"), pattern(b'"')));
        assert_eq!(places(second.inside).collect::<Vec<_>>(), [0]);
        assert!(!quotes.inside());
    }
}
