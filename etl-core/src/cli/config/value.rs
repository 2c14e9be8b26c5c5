//! Values of options, read from text by the rules that the macros use. Every layer is read by these
//! functions, so that no layer accepts what another refuses.

use std::time::Duration;

use crate::contract::policy::Threshold;
use crate::contract::stage::Rate;

/// `on`, `off` and their like.
pub(crate) fn switch(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "on" | "yes" | "1" => Ok(true),
        "false" | "off" | "no" | "0" => Ok(false),
        _ => Err(format!("must be `true` or `false` (`on`, `off`), not `{text}`")),
    }
}

/// A whole number, at least `least`; `_` may group its digits.
pub(crate) fn count(text: &str, least: u64, most: u64) -> Result<u64, String> {
    let digits = text.trim().replace('_', "");
    match digits.parse::<u64>() {
        Ok(number) if number < least => Err(format!("must be at least {least}, not `{text}`")),
        Ok(number) if number > most => Err(format!("must be at most {most}, not `{text}`")),
        Ok(number) => Ok(number),
        // Only a number that does not fit consists of digits and is none.
        Err(_) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => Err(format!("must be at most {most}, not `{text}`")),
        Err(_) => Err(format!("must be a whole number, at least {least}, not `{text}`")),
    }
}

/// A duration above zero, such as `30s`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text.trim()) {
        Ok(Duration::ZERO) => Err("must be longer than zero".to_owned()),
        Ok(duration) => Ok(duration),
        Err(_) => Err(format!("must be a duration such as `5s`, `250ms`, `2m` or `1h 30m`, not `{text}`")),
    }
}

/// A duration, or `0` for none.
pub(crate) fn duration_or_none(text: &str) -> Result<Option<Duration>, String> {
    match humantime::parse_duration(text.trim()) {
        Ok(Duration::ZERO) => Ok(None),
        _ => duration(text).map(Some),
    }
}

/// A rate, such as `100/s`.
pub(crate) fn rate(text: &str) -> Result<Rate, String> {
    Rate::parse(text).ok_or_else(|| format!("must be a rate such as `100/s`, `6000/min` or `50000/h`, not `{text}`"))
}

/// A number of bytes, such as `64 MiB`; a number alone means bytes.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("must be a size such as `64 MiB` or `1 GB`, not `{text}`");
    let text_of = text.trim().replace('_', "");
    let split = text_of.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text_of.len());
    let (number, unit) = text_of.split_at(split);
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        _ => return Err(wrong()),
    };
    let bytes = match number.parse::<u64>() {
        Ok(number) => number.checked_mul(factor).ok_or_else(|| format!("is too large: `{text}`"))?,
        Err(_) => fraction(number, factor).ok_or_else(wrong)?,
    };
    if bytes == 0 { Err("must be more than zero".to_owned()) } else { Ok(bytes) }
}

/// `1.5` of a unit. Bytes below 2^53 are exact in an f64, and more than that is refused.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "see above")]
fn fraction(number: &str, factor: u64) -> Option<u64> {
    let bytes = number.parse::<f64>().ok()? * factor as f64;
    (bytes.is_finite() && (0.0..9e15).contains(&bytes)).then(|| bytes.round() as u64)
}

/// A size as [`size`] reads it, in the largest unit that divides it.
pub(crate) fn size_text(bytes: u64) -> String {
    for (shift, unit) in [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")] {
        if bytes >= 1 << shift && bytes.trailing_zeros() >= shift {
            return format!("{} {unit}", bytes >> shift);
        }
    }
    format!("{bytes} B")
}

/// A share such as `10%`, or `none` for no bound.
pub(crate) fn share(text: &str) -> Result<Option<f64>, String> {
    if text.trim().eq_ignore_ascii_case("none") {
        return Ok(None);
    }
    let percent = text.trim().strip_suffix('%').and_then(|percent| percent.trim().parse::<f64>().ok());
    match percent {
        Some(percent) if (0.0..=100.0).contains(&percent) => Ok(Some(percent / 100.0)),
        _ => Err(format!("must be a share from `0%` to `100%`, or `none`, not `{text}`")),
    }
}

/// `1%`, `500`, `20 in a row`, several of them (`1%, 500, 20 in a row`) or `none`. How many records are read first is another option.
pub(crate) fn threshold(text: &str) -> Result<Threshold, String> {
    let mut threshold = Threshold::NONE;
    if text.trim().eq_ignore_ascii_case("none") {
        return Ok(threshold);
    }
    for part in text.split(',').map(str::trim) {
        if let Some(percent) = part.strip_suffix('%') {
            let percent: f64 = percent.trim().parse().map_err(|_| threshold_form(text))?;
            if !(percent > 0.0 && percent <= 100.0) {
                return Err(format!("must be more than 0% and at most 100%, not `{part}`"));
            }
            if threshold.rate.replace(percent / 100.0).is_some() {
                return Err("has one share, one number of errors and one in a row, and here are two shares".to_owned());
            }
        } else {
            let (number, in_a_row) = part.strip_suffix("in a row").map_or((part, false), |number| (number.trim_end(), true));
            let count = number.replace('_', "").parse::<u64>().map_err(|_| threshold_form(text))?;
            if count == 0 {
                return Err("must be at least 1: a threshold of 0 would stop the run at the first error".to_owned());
            }
            let (bound, named) =
                if in_a_row { (&mut threshold.in_a_row, "two numbers in a row") } else { (&mut threshold.count, "two numbers") };
            if bound.replace(count).is_some() {
                return Err(format!("has one share, one number of errors and one in a row, and here are {named}"));
            }
        }
    }
    Ok(threshold)
}

fn threshold_form(text: &str) -> String {
    format!(
        "must be a share such as `1%`, a number of errors such as `500`, one in a row such as `20 in a row`, several of these (`1%, 500, 20 in a row`), or `none`, not `{text}`"
    )
}

/// A threshold as [`threshold`] reads it.
pub(crate) fn threshold_text(threshold: &Threshold) -> String {
    threshold.to_string().replace(" or ", ", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("64 MiB"), Ok(64 << 20));
        assert_eq!(size("64MB"), Ok(64_000_000));
        assert_eq!(size("1.5g"), Ok(3 << 29));
        assert_eq!(size("4_096"), Ok(4096));
        assert!(size("0").is_err());
        assert!(size("many").is_err());
        assert!(size("12 parsecs").is_err());
        assert!(size("99999999999 TiB").is_err());
        assert!(size("-1").is_err());
    }

    #[test]
    fn a_size_is_printed_as_it_is_read() {
        for bytes in [1, 1_000, 1_024, 1_025, 64 << 20, 256 << 20, 3 << 29, 1 << 40] {
            assert_eq!(size(&size_text(bytes)), Ok(bytes));
        }
        assert_eq!(size_text(256 << 20), "256 MiB");
    }

    #[test]
    fn thresholds_are_shares_and_numbers() {
        assert_eq!(threshold("1%"), Ok(Threshold::rate(0.01)));
        assert_eq!(threshold("500"), Ok(Threshold::count(500)));
        assert_eq!(threshold("1%, 500"), Ok(Threshold { count: Some(500), ..Threshold::rate(0.01) }));
        assert_eq!(threshold("1_000 in a row"), Ok(Threshold::NONE.with_in_a_row(1_000)));
        assert_eq!(threshold("none"), Ok(Threshold::NONE));
        for same in ["0.5%, 20", "20 in a row", "1%, 500, 20 in a row"] {
            assert_eq!(threshold_text(&threshold(same).unwrap()), same);
        }
        for wrong in [
            "0%",
            "101%",
            "-1%",
            "0",
            "0.01",
            "nan%",
            "1%, 2%",
            "1, 2",
            "",
            "%",
            "0 in a row",
            "in a row",
            "1% in a row",
            "2 in a row, 3 in a row",
            "2 in row",
        ] {
            assert!(threshold(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_say_their_bounds() {
        assert_eq!(count("1_000", 1, u64::MAX), Ok(1_000));
        assert_eq!(count("0", 1, 9), Err("must be at least 1, not `0`".to_owned()));
        assert_eq!(count("10", 1, 9), Err("must be at most 9, not `10`".to_owned()));
        assert_eq!(count("99999999999999999999999", 1, 9), Err("must be at most 9, not `99999999999999999999999`".to_owned()));
        assert!(count("five", 1, 9).is_err());
        assert!(count("-5", 0, 9).is_err());
    }

    #[test]
    fn durations_are_above_zero() {
        assert_eq!(duration("1h 30m"), Ok(Duration::from_secs(5_400)));
        assert!(duration("0s").is_err());
        assert!(duration("30").is_err());
    }
}
