//! A line's fields as values, borrowed where they are texts.

use bench_clean::{Reason, Result, is_time_of_day};

/// How many fields a line has.
pub(crate) const WIDTH: usize = 19;

#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) year: u16,
    pub(crate) month: u8,
    pub(crate) day: u8,
    pub(crate) dep_time: Option<u16>,
    pub(crate) sched_dep_time: u16,
    pub(crate) dep_delay: Option<i32>,
    pub(crate) arr_time: Option<u16>,
    pub(crate) sched_arr_time: u16,
    pub(crate) arr_delay: Option<i32>,
    pub(crate) carrier: Text<'a>,
    pub(crate) flight: u32,
    pub(crate) tailnum: Option<Text<'a>>,
    pub(crate) origin: Text<'a>,
    pub(crate) dest: Text<'a>,
    pub(crate) air_time: Option<u32>,
    pub(crate) distance: i32,
    pub(crate) hour: u8,
    pub(crate) minute: u8,
    pub(crate) time_hour: Text<'a>,
}

/// UTF-8 that has padding behind it.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    #[inline(always)]
    pub(crate) fn bytes(self) -> &'a [u8] {
        self.0
    }
}

impl<'a> Row<'a> {
    /// The four rules.
    #[inline(always)]
    pub(crate) fn checked(self) -> Result<Self, Reason> {
        let times = [self.dep_time.unwrap_or(0), self.sched_dep_time, self.arr_time.unwrap_or(0), self.sched_arr_time];
        if !times.into_iter().all(is_time_of_day) {
            return Err(Reason::BadTime);
        }
        if self.carrier.0.is_empty() {
            return Err(Reason::NoCarrier);
        }
        if self.distance <= 0 {
            return Err(Reason::BadDistance);
        }
        if self.dep_delay.is_some_and(|delay| !(-120..=1440).contains(&delay)) {
            return Err(Reason::BadDelay);
        }
        Ok(self)
    }

    /// Minutes made up on the way.
    #[inline(always)]
    pub(crate) fn gained(&self) -> Option<i32> {
        Some(self.dep_delay? - self.arr_delay?)
    }

    #[inline(always)]
    pub(crate) fn speed_mph(&self) -> Option<f64> {
        self.air_time.filter(|minutes| *minutes > 0).map(|minutes| f64::from(self.distance) * 60.0 / f64::from(minutes))
    }
}

/// Parses a line; `place` says where each field begins and ends in `bytes`. `check`: texts may be
/// other than ASCII.
///
/// # Safety
/// 64 bytes behind every field can be read.
#[inline(always)]
pub(crate) unsafe fn parse(bytes: &[u8], check: bool, place: impl Fn(usize) -> (usize, usize)) -> Result<Row<'_>, Reason> {
    let fields = Fields { bytes, check, place };
    // SAFETY: all reads are within a field or the padding behind it.
    unsafe {
        Ok(Row {
            year: fields.unsigned(0)?,
            month: fields.unsigned(1)?,
            day: fields.unsigned(2)?,
            dep_time: fields.optional(3, |fields| fields.unsigned(3))?,
            sched_dep_time: fields.unsigned(4)?,
            dep_delay: fields.optional(5, |fields| fields.signed(5))?,
            arr_time: fields.optional(6, |fields| fields.unsigned(6))?,
            sched_arr_time: fields.unsigned(7)?,
            arr_delay: fields.optional(8, |fields| fields.signed(8))?,
            carrier: fields.text(9)?,
            flight: fields.unsigned(10)?,
            tailnum: fields.optional(11, |fields| fields.text(11))?,
            origin: fields.text(12)?,
            dest: fields.text(13)?,
            air_time: fields.optional(14, |fields| fields.unsigned(14))?,
            distance: fields.signed(15)?,
            hour: fields.unsigned(16)?,
            minute: fields.unsigned(17)?,
            time_hour: fields.text(18)?,
        })
    }
}

struct Fields<'a, P> {
    bytes: &'a [u8],
    check: bool,
    place: P,
}

impl<'a, P: Fn(usize) -> (usize, usize)> Fields<'a, P> {
    /// # Safety
    /// As for [`parse`].
    #[inline(always)]
    unsafe fn optional<T>(&self, at: usize, read: impl FnOnce(&Self) -> Result<T, Reason>) -> Result<Option<T>, Reason> {
        let (start, end) = (self.place)(at);
        // SAFETY: there is padding.
        let first = unsafe { self.bytes.as_ptr().add(start).cast::<[u8; 2]>().read() };
        if end - start == 2 && first == *b"NA" { Ok(None) } else { read(self).map(Some) }
    }

    /// # Safety
    /// As for [`parse`].
    #[inline(always)]
    unsafe fn unsigned<T: TryFrom<u32> + TryFrom<u64>>(&self, at: usize) -> Result<T, Reason> {
        let (start, end) = (self.place)(at);
        // SAFETY: there is padding.
        match unsafe { digits(self.bytes.as_ptr().add(start), end - start) } {
            Some(value) => T::try_from(value).map_err(|_| Reason::BadNumber),
            None => long(&self.bytes[start..end])
                .and_then(|value| u64::try_from(value).ok())
                .and_then(|value| T::try_from(value).ok())
                .ok_or(Reason::BadNumber),
        }
    }

    /// # Safety
    /// As for [`parse`].
    #[inline(always)]
    unsafe fn signed(&self, at: usize) -> Result<i32, Reason> {
        let (start, end) = (self.place)(at);
        // SAFETY: there is padding.
        let number = unsafe {
            let negative = usize::from(*self.bytes.as_ptr().add(start) == b'-' && end > start);
            let digits = digits(self.bytes.as_ptr().add(start + negative), end - start - negative);
            // Eight digits fit.
            digits.map(|value| if negative == 1 { -(value as i32) } else { value as i32 })
        };
        number.or_else(|| i32::try_from(long(&self.bytes[start..end])?).ok()).ok_or(Reason::BadNumber)
    }

    /// # Safety
    /// As for [`parse`].
    #[inline(always)]
    unsafe fn text(&self, at: usize) -> Result<Text<'a>, Reason> {
        let (start, end) = (self.place)(at);
        let text = &self.bytes[start..end];
        if self.check && !text.is_ascii() && std::str::from_utf8(text).is_err() {
            return Err(Reason::NotUtf8);
        }
        Ok(Text(text))
    }
}

/// One to eight digits.
///
/// # Safety
/// Eight bytes can be read.
#[inline(always)]
unsafe fn digits(start: *const u8, length: usize) -> Option<u32> {
    if length.wrapping_sub(1) > 7 {
        return None;
    }
    let shift = 64 - 8 * length as u32;
    // SAFETY: the caller's.
    let word = u64::from_le_bytes(unsafe { start.cast::<[u8; 8]>().read() });
    // The last digit is in the last byte; what is missing in front is zero.
    let mut value = (word << shift) ^ (0x3030_3030_3030_3030 << shift);
    if (value | value.wrapping_add(0x7676_7676_7676_7676)) & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    value = value.wrapping_mul(10).wrapping_add(value >> 8);
    let (first, second) = (value & 0x0000_00FF_0000_00FF, (value >> 16) & 0x0000_00FF_0000_00FF);
    Some((first.wrapping_mul(0x000F_4240_0000_0064).wrapping_add(second.wrapping_mul(0x0000_2710_0000_0001)) >> 32) as u32)
}

/// What has a sign, or many digits.
#[cold]
fn long(field: &[u8]) -> Option<i64> {
    std::str::from_utf8(field).ok()?.parse().ok()
}
