//! Rows in the form of `COPY … (FORMAT binary)`.

use super::parse::Row;

pub(crate) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
pub(crate) const TRAILER: &[u8] = &[0xff, 0xff];

#[inline(always)]
pub(crate) fn push(row: &Row<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(&22i16.to_be_bytes());
    small(out, Some(row.year));
    small(out, Some(row.month.into()));
    small(out, Some(row.day.into()));
    small(out, row.dep_time);
    small(out, Some(row.sched_dep_time));
    number(out, row.dep_delay);
    small(out, row.arr_time);
    small(out, Some(row.sched_arr_time));
    number(out, row.arr_delay);
    text(out, Some(&[row.carrier.bytes()]));
    number(out, Some(row.flight as i32));
    text(out, row.tailnum.as_ref().map(|tailnum| [tailnum.bytes()]).as_ref().map(|parts| &parts[..]));
    text(out, Some(&[row.origin.bytes()]));
    text(out, Some(&[row.dest.bytes()]));
    number(out, row.air_time.map(|minutes| minutes as i32));
    number(out, Some(row.distance));
    small(out, Some(row.hour.into()));
    small(out, Some(row.minute.into()));
    time(out, row.time_hour.bytes());
    text(out, Some(&[row.origin.bytes(), b"-", row.dest.bytes()]));
    number(out, row.gained());
    match row.speed_mph() {
        Some(speed) => fixed(out, speed.to_be_bytes()),
        None => null(out),
    }
}

#[inline(always)]
fn null(out: &mut Vec<u8>) {
    out.extend_from_slice(&(-1i32).to_be_bytes());
}

#[inline(always)]
fn fixed<const N: usize>(out: &mut Vec<u8>, bytes: [u8; N]) {
    out.extend_from_slice(&(N as i32).to_be_bytes());
    out.extend_from_slice(&bytes);
}

#[inline(always)]
fn small(out: &mut Vec<u8>, value: Option<u16>) {
    match value {
        Some(value) => fixed(out, (value as i16).to_be_bytes()),
        None => null(out),
    }
}

#[inline(always)]
fn number(out: &mut Vec<u8>, value: Option<i32>) {
    match value {
        Some(value) => fixed(out, value.to_be_bytes()),
        None => null(out),
    }
}

/// Microseconds since 2000, of `2013-01-01T10:00:00Z`.
#[inline(always)]
fn time(out: &mut Vec<u8>, text: &[u8]) {
    let Ok(text) = <&[u8; 20]>::try_from(text) else { return null(out) };
    let two = |at: usize| i64::from(text[at] - b'0') * 10 + i64::from(text[at + 1] - b'0');
    let (month, day) = (two(5), two(8));
    // Years begin in March, so that the leap day is the last one.
    let year = two(0) * 100 + two(2) - i64::from(month <= 2);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 730_425;
    let seconds = days * 86_400 + two(11) * 3600 + two(14) * 60 + two(17);
    fixed(out, (seconds * 1_000_000).to_be_bytes());
}

#[inline(always)]
fn text(out: &mut Vec<u8>, parts: Option<&[&[u8]]>) {
    let Some(parts) = parts else { return null(out) };
    let length: usize = parts.iter().map(|part| part.len()).sum();
    out.extend_from_slice(&(length as i32).to_be_bytes());
    for part in parts {
        out.extend_from_slice(part);
    }
}
