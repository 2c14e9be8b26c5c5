//! Texts of options are read or refused; what is read is written as a text that is read as the same.
#![no_main]

#[path = "../../etl-core/src/cli/config/value.rs"]
mod value;

/// `crate::contract` for what is included from etl-core.
mod contract {
    pub use etl_core::{policy, stage};
}

use std::time::Duration;

use libfuzzer_sys::fuzz_target;

const UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };

    if let Ok(bytes) = value::size(text) {
        assert_ne!(bytes, 0);
        assert_eq!(value::size(&value::size_text(bytes)), Ok(bytes));
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).take(21).collect();
    if let Ok(number) = digits.parse::<u64>() {
        for (unit, factor) in UNITS {
            let expected = number.checked_mul(factor).filter(|bytes| *bytes > 0);
            assert_eq!(value::size(&format!("{number} {unit}")).ok(), expected);
        }
    }
    if let Ok(threshold) = value::threshold(text) {
        assert!(threshold.rate.is_none_or(|rate| rate > 0.0 && rate <= 1.0));
        assert!(threshold.count != Some(0) && threshold.in_a_row != Some(0));
        // A share is shown to eight places behind the point: a smaller one as nothing.
        if threshold.rate.is_none_or(|rate| rate >= 1e-8) {
            let again = value::threshold(&value::threshold_text(&threshold)).expect("it is written as it is read");
            assert_eq!((again.count, again.in_a_row), (threshold.count, threshold.in_a_row));
            assert_eq!(again.rate.is_some(), threshold.rate.is_some());
            assert!((again.rate.unwrap_or(0.0) - threshold.rate.unwrap_or(0.0)).abs() <= 1e-8);
        }
    }
    if let Ok(rate) = value::rate(text) {
        assert_eq!(value::rate(&rate.to_string()), Ok(rate));
        let hour = rate.records_in(Duration::from_secs(3_600));
        assert!(hour >= 1 && rate.time_of(hour) <= Duration::from_secs(3_600).max(rate.time_of(1)));
        assert!(rate.time_of(u64::MAX) >= rate.time_of(1) && rate.records_in(Duration::MAX) >= hour);
    }
    if let Ok(duration) = value::duration(text) {
        assert!(!duration.is_zero());
        assert_eq!(value::duration(&humantime::format_duration(duration).to_string()), Ok(duration));
    }
    if let Ok(Some(share)) = value::share(text) {
        assert!((0.0..=1.0).contains(&share));
    }
    for (least, most) in [(0, u64::MAX), (1, 9), (100, 1_000)] {
        if let Ok(count) = value::count(text, least, most) {
            assert!((least..=most).contains(&count));
            assert_eq!(value::count(&count.to_string(), least, most), Ok(count));
        }
    }
    if let Ok(on) = value::switch(text) {
        assert_eq!(value::switch(&on.to_string()), Ok(on));
    }
});
