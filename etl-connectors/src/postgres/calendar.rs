//! Dates and times of ISO 8601 as the numbers that PostgreSQL keeps.

/// From 1970-01-01 to 2000-01-01, from which PostgreSQL counts.
const EPOCH_DAYS: i64 = 10_957;
const DAY: i64 = 86_400_000_000;

/// `2013-01-31` as days; `None` where it is no date.
pub(super) fn date(text: &str) -> Option<i32> {
    let (days, rest) = leading_date(text.as_bytes())?;
    if rest.is_empty() { i32::try_from(days).ok() } else { None }
}

/// `2013-01-31T05:17:00.25` as microseconds; a space may stand for the `T`, and parts of the time may
/// be missing from the end. `None` where it is none, or has a zone.
pub(super) fn timestamp(text: &str) -> Option<i64> {
    let (moment, rest) = leading_timestamp(text.as_bytes())?;
    if rest.is_empty() { Some(moment) } else { None }
}

/// The same with a zone, `Z` or `+01:00`, as microseconds of UTC.
pub(super) fn timestamp_with_zone(text: &str) -> Option<i64> {
    let (moment, rest) = leading_timestamp(text.as_bytes())?;
    moment.checked_sub(zone(rest)?.checked_mul(1_000_000)?)
}

fn leading_date(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (year, rest) = digits(bytes, 4)?;
    let (month, rest) = digits(rest.strip_prefix(b"-")?, 2)?;
    let (day, rest) = digits(rest.strip_prefix(b"-")?, 2)?;
    (year >= 1 && (1..=12).contains(&month) && (1..=length(year, month)).contains(&day))
        .then(|| (days(year, month, day) - EPOCH_DAYS, rest))
}

fn leading_timestamp(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (days, rest) = leading_date(bytes)?;
    let [b'T' | b't' | b' ', rest @ ..] = rest else { return rest.is_empty().then_some((days * DAY, rest)) };
    let (hours, rest) = digits(rest, 2)?;
    let (minutes, rest) = digits(rest.strip_prefix(b":")?, 2)?;
    let (seconds, rest) = match rest.strip_prefix(b":") {
        Some(rest) => digits(rest, 2)?,
        None => (0, rest),
    };
    let (micros, rest) = match rest.strip_prefix(b".") {
        Some(rest) => fraction(rest)?,
        None => (0, rest),
    };
    // Second 60 is a leap second, which becomes the next one, as the server has it.
    (hours < 24 && minutes < 60 && seconds <= 60).then(|| (days * DAY + ((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + micros, rest))
}

/// Digits behind the point of a second, to the nearest microsecond.
fn fraction(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let count = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 {
        return None;
    }
    let digit = |at: usize| if at < count { i64::from(bytes[at] - b'0') } else { 0 };
    let micros = (0..6).fold(0, |value, at| value * 10 + digit(at));
    Some((micros + i64::from(digit(6) >= 5), &bytes[count..]))
}

/// `Z`, `+01`, `+0100` or `+01:00` as seconds.
fn zone(bytes: &[u8]) -> Option<i64> {
    let (sign, rest) = match bytes {
        [b'Z' | b'z'] => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, rest) = digits(rest, 2)?;
    let (minutes, rest) = match rest {
        [] => (0, rest),
        [b':', rest @ ..] => digits(rest, 2)?,
        rest => digits(rest, 2)?,
    };
    (rest.is_empty() && hours < 16 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60)
}

fn digits(bytes: &[u8], count: usize) -> Option<(i64, &[u8])> {
    let (number, rest) = bytes.split_at_checked(count)?;
    let value = number.iter().try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))?;
    Some((value, rest))
}

fn length(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the calendar of today, of any time: years begin in March here, so that
/// the day that only some years have is the last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (century4, year_of) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    century4 * 146_097 + year_of * 365 + year_of / 4 - year_of / 100 + day_of - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_counted_from_2000() {
        assert_eq!(date("2000-01-01"), Some(0));
        assert_eq!(date("1999-12-31"), Some(-1));
        assert_eq!(date("2000-03-01"), Some(60));
        assert_eq!(date("0001-01-01"), Some(-730_119));
        for wrong in ["2013-02-29", "2013-13-01", "2013-00-10", "2013-1-1", "20130101", "2013-01-01x", "", "0000-01-01"] {
            assert_eq!(date(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn times_are_microseconds_and_zones_are_taken_off() {
        assert_eq!(timestamp("2000-01-01 00:00:01.5"), Some(1_500_000));
        assert_eq!(timestamp("2000-01-01T00:01"), Some(60_000_000));
        assert_eq!(timestamp("2000-01-01"), Some(0));
        assert_eq!(timestamp("2000-01-01T00:00:00.0000005"), Some(1));
        assert_eq!(timestamp("2000-01-01T00:00:00Z"), None);
        assert_eq!(timestamp_with_zone("2000-01-01T01:00:00+01:00"), Some(0));
        assert_eq!(timestamp_with_zone("1999-12-31T23:30:00-0030"), Some(0));
        assert_eq!(timestamp_with_zone("2000-01-01T00:00:00Z"), Some(0));
        assert_eq!(timestamp_with_zone("2000-01-01T00:00:00"), None);
        for wrong in ["2000-01-01T24:00:00", "2000-01-01T00", "2000-01-01T00:00:00.", "2000-01-01X00:00:00"] {
            assert_eq!(timestamp(wrong), None, "{wrong}");
        }
    }
}
