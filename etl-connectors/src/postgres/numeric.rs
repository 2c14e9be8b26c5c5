//! Decimals in the form of `numeric`: digits in groups of four.

/// A decimal has at most so many digits: the type holds 16,383 of them behind the point.
const MOST_DIGITS: usize = 16_000;

/// Writes a whole number, without its length.
pub(super) fn whole(negative: bool, mut magnitude: u64, out: &mut Vec<u8>) {
    // A u64 has 20 digits: five groups.
    let mut groups = [0u16; 5];
    let mut count = 0;
    while magnitude > 0 {
        groups[count] = (magnitude % 10_000) as u16;
        magnitude /= 10_000;
        count += 1;
    }
    let weight = count.saturating_sub(1) as i16;
    // Trailing groups of zeros are not written.
    let skipped = groups[..count].iter().take_while(|group| **group == 0).count();
    header(out, (count - skipped) as i16, weight, negative && count > 0, 0);
    for group in groups[skipped..count].iter().rev() {
        out.extend_from_slice(&group.to_be_bytes());
    }
}

/// Writes a decimal such as `-12.50`, without its length; `None` where it is none.
pub(super) fn decimal(text: &str, out: &mut Vec<u8>) -> Option<()> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        all => (false, all),
    };
    let point = digits.iter().position(|byte| *byte == b'.').unwrap_or(digits.len());
    let (before, after) = (&digits[..point], digits.get(point + 1..).unwrap_or_default());
    let all_digits = before.iter().chain(after).all(u8::is_ascii_digit);
    if !all_digits || before.len() + after.len() == 0 || digits.len() > MOST_DIGITS {
        return None;
    }
    let scale = after.len() as i16;
    let zeros = before.iter().take_while(|digit| **digit == b'0').count();
    let before = &before[zeros..];
    // Groups are counted from the point: the first may be short of digits in front, the last behind.
    let lead = (4 - before.len() % 4) % 4;
    let digit = |at: usize| match at.checked_sub(lead) {
        Some(at) if at < before.len() => before[at] - b'0',
        Some(at) => after.get(at - before.len()).map_or(0, |digit| digit - b'0'),
        None => 0,
    };
    let group = |index: usize| (0..4).fold(0u16, |value, at| value * 10 + u16::from(digit(index * 4 + at)));
    let count = (lead + before.len() + after.len()).div_ceil(4);
    let first = (0..count).find(|index| group(*index) != 0);
    let Some(first) = first else {
        header(out, 0, 0, false, scale);
        return Some(());
    };
    let last = (first..count).rev().find(|index| group(*index) != 0).unwrap_or(first);
    let weight = ((lead + before.len()) / 4) as i16 - 1 - first as i16;
    header(out, (last - first + 1) as i16, weight, negative, scale);
    for index in first..=last {
        out.extend_from_slice(&group(index).to_be_bytes());
    }
    Some(())
}

fn header(out: &mut Vec<u8>, groups: i16, weight: i16, negative: bool, scale: i16) {
    let sign: u16 = if negative { 0x4000 } else { 0 };
    out.extend_from_slice(&groups.to_be_bytes());
    out.extend_from_slice(&weight.to_be_bytes());
    out.extend_from_slice(&sign.to_be_bytes());
    out.extend_from_slice(&scale.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(bytes: &[u8]) -> Vec<i32> {
        bytes.chunks(2).map(|pair| i32::from(i16::from_be_bytes([pair[0], pair[1]]))).collect()
    }

    fn of_text(text: &str) -> Option<Vec<i32>> {
        let mut out = Vec::new();
        decimal(text, &mut out)?;
        Some(words(&out))
    }

    fn of_number(number: i64) -> Vec<i32> {
        let mut out = Vec::new();
        whole(number < 0, number.unsigned_abs(), &mut out);
        words(&out)
    }

    #[test]
    fn whole_numbers_and_their_texts_are_the_same() {
        for number in [0, 1, -1, 9_999, 10_000, -10_001, 120_000_000, i64::MAX, i64::MIN] {
            assert_eq!(of_text(&number.to_string()), Some(of_number(number)), "{number}");
        }
        assert_eq!(of_number(120_000_000), [2, 2, 0, 0, 1, 2000]);
    }

    #[test]
    fn decimals_are_grouped_around_the_point() {
        assert_eq!(of_text("12.5"), Some(vec![2, 0, 0, 1, 12, 5000]));
        assert_eq!(of_text("-0.00012"), Some(vec![2, -1, 0x4000, 5, 1, 2000]));
        assert_eq!(of_text("0.00"), Some(vec![0, 0, 0, 2]));
        assert_eq!(of_text("00100000.10"), Some(vec![3, 1, 0, 2, 10, 0, 1000]));
        for wrong in ["", ".", "-", "1e5", "1.2.3", "NaN", " 1", "1,5"] {
            assert_eq!(of_text(wrong), None, "{wrong:?}");
        }
    }
}
