//! Numbers as CSV writes them.

use etl_core::record::{ColumnType, Problem};

use super::fields::Place;
use super::words::{ALL, pattern};

/// A whole number of up to eight bytes, sign included, without a loop: how many digits a field has differs from record to
/// record, which a processor cannot foresee. `None` says nothing: it may be longer, wrong, or at the end of `bytes`.
#[inline]
pub(super) fn short_i64(bytes: &[u8], place: Place) -> Option<i64> {
    let (word, length) = word_of(bytes, place)?;
    let negative = word as u8 == b'-';
    let sign = u64::from(negative);
    if length == sign {
        return None;
    }
    let value = digits(word >> (8 * sign), length - sign)? as i64;
    Some(if negative { -value } else { value })
}

/// The same for a number that is not negative.
#[inline]
pub(super) fn short_u64(bytes: &[u8], place: Place) -> Option<u64> {
    let (word, length) = word_of(bytes, place)?;
    digits(word, length)
}

/// The bytes of a field and of what follows it, the first one lowest; and its length, from 1 to 8.
#[inline]
fn word_of(bytes: &[u8], place: Place) -> Option<(u64, u64)> {
    let length = place.end.wrapping_sub(place.start);
    let word = bytes.get(place.start as usize..)?.first_chunk()?;
    matches!(length, 1..=8).then(|| (u64::from_le_bytes(*word), u64::from(length)))
}

/// The value of the lowest `length` bytes of `word`, if they are digits.
#[inline]
fn digits(word: u64, length: u64) -> Option<u64> {
    // What follows is shifted out, and in front of the digits come zeros.
    let digits = (word ^ pattern(b'0')) << (64 - 8 * length);
    if (digits | digits.wrapping_add(pattern(0x80 - 10))) & ALL != 0 {
        return None;
    }
    // Two digits become one number, then two of these, then two of those. A byte's factor is higher the lower it stands.
    let pairs = ((digits.wrapping_mul(1 + (10 << 8))) >> 8) & 0x00FF_00FF_00FF_00FF;
    let fours = ((pairs.wrapping_mul(1 + (100 << 16))) >> 16) & 0x0000_FFFF_0000_FFFF;
    Some(fours.wrapping_mul(1 + (10_000 << 32)) >> 32)
}

/// A whole number: an optional sign and digits.
#[inline]
pub(super) fn parse_i64(text: &[u8]) -> Result<i64, Problem> {
    let (negative, digits) = sign(text);
    let magnitude = magnitude(digits, ColumnType::I64)?;
    let value = if negative { 0_i64.checked_sub_unsigned(magnitude) } else { 0_i64.checked_add_unsigned(magnitude) };
    value.ok_or(Problem::OutOfRange(ColumnType::I64))
}

/// A whole number that is not negative.
#[inline]
pub(super) fn parse_u64(text: &[u8]) -> Result<u64, Problem> {
    let (negative, digits) = sign(text);
    let magnitude = magnitude(digits, ColumnType::U64)?;
    if negative && magnitude > 0 { Err(Problem::OutOfRange(ColumnType::U64)) } else { Ok(magnitude) }
}

#[inline]
fn sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    }
}

#[inline]
fn magnitude(digits: &[u8], wanted: ColumnType) -> Result<u64, Problem> {
    if digits.is_empty() {
        return Err(Problem::NotA(wanted));
    }
    let mut value = 0_u64;
    // Nineteen digits always fit.
    if digits.len() <= 19 {
        for byte in digits {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return Err(Problem::NotA(wanted));
            }
            value = value * 10 + u64::from(digit);
        }
        return Ok(value);
    }
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(Problem::NotA(wanted));
    }
    for byte in digits {
        value = value.checked_mul(10).and_then(|value| value.checked_add(u64::from(byte - b'0'))).ok_or(Problem::OutOfRange(wanted))?;
    }
    Ok(value)
}

/// A floating-point number, in any form that Rust reads. One that is too large is out of range
/// rather than infinite.
pub(super) fn parse_f64(text: &[u8]) -> Result<f64, Problem> {
    if let Some(value) = short_f64(text) {
        return Ok(value);
    }
    let value: f64 = parse(text).ok_or(Problem::NotA(ColumnType::F64))?;
    if value.is_infinite() && has_digit(text) { Err(Problem::OutOfRange(ColumnType::F64)) } else { Ok(value) }
}

/// Digits with a point among them or without. If they are a whole number that a float holds, they and the power of ten that the
/// point stands for are exact, so that their quotient is the nearest float. `None` says nothing.
fn short_f64(text: &[u8]) -> Option<f64> {
    const POWERS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    const EXACT: u64 = 1 << f64::MANTISSA_DIGITS;
    let (negative, text) = sign(text);
    if text.len() > POWERS.len() {
        return None;
    }
    let (mut value, mut point) = (0_u64, None);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => value = value * 10 + u64::from(byte - b'0'),
            b'.' if point.is_none() => point = Some(at),
            _ => return None,
        }
    }
    let (digits, decimals) = point.map_or((text.len(), 0), |point| (text.len() - 1, text.len() - 1 - point));
    if digits == 0 || value > EXACT {
        return None;
    }
    let value = value as f64 / POWERS[decimals];
    Some(if negative { -value } else { value })
}

/// The same as [`parse_f64`] in single precision.
pub(super) fn parse_f32(text: &[u8]) -> Result<f32, Problem> {
    let value: f32 = parse(text).ok_or(Problem::NotA(ColumnType::F32))?;
    if value.is_infinite() && has_digit(text) { Err(Problem::OutOfRange(ColumnType::F32)) } else { Ok(value) }
}

fn parse<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn has_digit(text: &[u8]) -> bool {
    text.iter().any(u8::is_ascii_digit)
}

/// `true` and `false` in any case, `1` and `0`.
pub(super) fn parse_bool(text: &[u8]) -> Result<bool, Problem> {
    match text {
        b"1" => Ok(true),
        b"0" => Ok(false),
        _ if text.eq_ignore_ascii_case(b"true") => Ok(true),
        _ if text.eq_ignore_ascii_case(b"false") => Ok(false),
        _ => Err(Problem::NotA(ColumnType::Bool)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read_as_rust_reads_them() {
        for text in ["0", "-0", "+7", "9223372036854775807", "-9223372036854775808", "00000000000000000000012"] {
            assert_eq!(parse_i64(text.as_bytes()), Ok(text.parse().unwrap()), "{text}");
        }
        for text in ["", "-", "+", "NA", "1.0", " 1", "1 ", "--1", "1e3", "１"] {
            assert_eq!(parse_i64(text.as_bytes()), Err(Problem::NotA(ColumnType::I64)), "{text}");
            assert_eq!(parse_u64(text.as_bytes()), Err(Problem::NotA(ColumnType::U64)), "{text}");
        }
        for text in ["9223372036854775808", "-9223372036854775809", "99999999999999999999999"] {
            assert_eq!(parse_i64(text.as_bytes()), Err(Problem::OutOfRange(ColumnType::I64)), "{text}");
        }
        assert_eq!(parse_u64(b"18446744073709551615"), Ok(u64::MAX));
        assert_eq!(parse_u64(b"18446744073709551616"), Err(Problem::OutOfRange(ColumnType::U64)));
        assert_eq!(parse_u64(b"-1"), Err(Problem::OutOfRange(ColumnType::U64)));
        assert_eq!(parse_u64(b"-0"), Ok(0));
    }

    #[test]
    fn short_numbers_are_what_long_ones_are() {
        let mut texts: Vec<String> = (0..9)
            .flat_map(|power| [10_i64.pow(power) - 1, 10_i64.pow(power), 12_345_678 % 10_i64.pow(power)])
            .flat_map(|value| [value.to_string(), (-value).to_string(), format!("{value:08}")])
            .collect();
        texts.extend((0..=u8::MAX).map(|byte| format!("1{}2", char::from(byte))));
        texts.extend(["", "-", "+", "+7", "--1", "-0", "0-", "NA", "-1234567", "1,2", "\u{7F}", "9:", "/0"].map(str::to_owned));
        for text in texts {
            let bytes = format!("12{text},345678").into_bytes();
            let place = Place { start: 2, end: 2 + text.len() as u32 };
            let fits = text.len() <= 8 && !text.starts_with('+');
            assert_eq!(short_i64(&bytes, place), parse_i64(text.as_bytes()).ok().filter(|_| fits), "{text}");
            assert_eq!(short_u64(&bytes, place), parse_u64(text.as_bytes()).ok().filter(|_| fits && !text.starts_with('-')), "{text}");
        }
        assert_eq!(short_u64(b"1234567", Place { start: 0, end: 7 }), None);
    }

    proptest::proptest! {
        #[test]
        fn floats_are_read_as_rust_reads_them(short in "[-+]?[0-9]{0,10}[.]?[0-9]{0,10}", any in proptest::num::f64::NORMAL) {
            for text in [short, any.to_string(), format!("{any:e}"), format!("{any:.3}")] {
                let expected = text.parse::<f64>().map(f64::to_bits);
                proptest::prop_assert_eq!(parse_f64(text.as_bytes()).ok().map(f64::to_bits), expected.ok(), "{}", text);
            }
        }
    }

    #[test]
    fn floats_at_the_edge_of_what_is_exact() {
        for text in ["9007199254740992", "9007199254740993", "9007199254740994", "0.000000000000001", "-0", "-0.0", ".5", "5.", "00.10"] {
            assert_eq!(parse_f64(text.as_bytes()).map(f64::to_bits), Ok(text.parse::<f64>().unwrap().to_bits()), "{text}");
        }
        for text in ["", "-", ".", "-.", "1.2.3", "1,5", "--1"] {
            assert_eq!(parse_f64(text.as_bytes()), Err(Problem::NotA(ColumnType::F64)), "{text}");
        }
    }

    #[test]
    fn floats_overflow_into_an_error_and_not_into_infinity() {
        assert_eq!(parse_f64(b"1e999"), Err(Problem::OutOfRange(ColumnType::F64)));
        assert_eq!(parse_f32(b"-1e39"), Err(Problem::OutOfRange(ColumnType::F32)));
        assert_eq!(parse_f64(b"-inf"), Ok(f64::NEG_INFINITY));
        assert!(parse_f64(b"NaN").unwrap().is_nan());
        assert_eq!(parse_f64(b"NA"), Err(Problem::NotA(ColumnType::F64)));
        assert_eq!(parse_f64(b"\xff"), Err(Problem::NotA(ColumnType::F64)));
    }
}
