//! How many records a stage takes in a time.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

/// At most so many records in so long: `100/s`, `6000/min`, `50000/h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    records: NonZeroU32,
    per: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Second,
    Minute,
    Hour,
}

impl Unit {
    const fn seconds(self) -> u64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3_600,
        }
    }
}

impl Rate {
    /// Reads `100/s`, `6000/min` or `50000/h`; `None` where it is none of them, or zero. `_` may
    /// group the digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (records, unit) = text.split_once('/')?;
        let per = match unit.trim() {
            "s" | "sec" => Unit::Second,
            "m" | "min" => Unit::Minute,
            "h" | "hour" => Unit::Hour,
            _ => return None,
        };
        let records = records.trim().replace('_', "").parse().ok().and_then(NonZeroU32::new)?;
        Some(Self { records, per })
    }

    /// So many records in so many seconds: 1, 60 or 3,600.
    ///
    /// # Panics
    /// Where there are no records, or another number of seconds; in a constant, while compiling.
    #[must_use]
    pub const fn new(records: u32, seconds: u64) -> Self {
        let per = match seconds {
            1 => Unit::Second,
            60 => Unit::Minute,
            3_600 => Unit::Hour,
            _ => panic!("a rate is counted by the second, the minute or the hour"),
        };
        match NonZeroU32::new(records) {
            Some(records) => Self { records, per },
            None => panic!("a rate of no records never ends"),
        }
    }

    /// How long `records` take at this rate.
    #[must_use]
    pub fn time_of(self, records: u64) -> Duration {
        let nanos = u128::from(self.per.seconds()) * 1_000_000_000 * u128::from(records) / u128::from(self.records.get());
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// How many records it lets by in `time`, at least one.
    #[must_use]
    pub fn records_in(self, time: Duration) -> u64 {
        let records = u128::from(self.records.get()) * time.as_nanos() / (u128::from(self.per.seconds()) * 1_000_000_000);
        u64::try_from(records).unwrap_or(u64::MAX).max(1)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.per {
            Unit::Second => "s",
            Unit::Minute => "min",
            Unit::Hour => "h",
        };
        write!(f, "{}/{unit}", self.records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read_as_it_is_shown() {
        for (text, shown) in [("100/s", "100/s"), (" 6_000 / min", "6000/min"), ("5/h", "5/h"), ("7/sec", "7/s")] {
            assert_eq!(Rate::parse(text).map(|rate| rate.to_string()).as_deref(), Some(shown));
        }
        for text in ["100", "0/s", "1/day", "-1/s", "1.5/s", "99999999999/s", "/s", ""] {
            assert_eq!(Rate::parse(text), None, "{text}");
        }
    }

    #[test]
    fn records_take_their_time() {
        assert_eq!(Rate::new(100, 1).time_of(250), Duration::from_millis(2_500));
        assert_eq!(Rate::new(1, 3_600).time_of(2), Duration::from_secs(7_200));
        assert_eq!(Rate::new(100, 1).records_in(Duration::from_millis(100)), 10);
        assert_eq!(Rate::new(1, 60).records_in(Duration::from_millis(100)), 1);
    }
}
