//! What a contestant says at its end.

use std::fs;
use std::time::Instant;

use crate::Result;

/// The work of one contestant, timed.
#[derive(Debug)]
pub(crate) struct Outcome {
    records: u64,
    seconds: f64,
    /// User and system time of the whole process, in hundredths of a second.
    cpu_seconds: f64,
    peak_kib: u64,
    check: String,
}

impl Outcome {
    /// Times `work`, which returns what all contestants of a table must agree on.
    pub(crate) fn of(records: u64, work: impl FnOnce() -> Result<String>) -> Result<Self> {
        let begun = Instant::now();
        let check = work()?;
        let seconds = begun.elapsed().as_secs_f64();
        Ok(Self { records, seconds, cpu_seconds: cpu_seconds()?, peak_kib: peak_kib()?, check })
    }

    /// One line of JSON.
    pub(crate) fn line(&self) -> String {
        let Self { records, seconds, cpu_seconds, peak_kib, check } = self;
        format!(r#"{{"records":{records},"seconds":{seconds:.6},"cpu_seconds":{cpu_seconds:.2},"peak_kib":{peak_kib},"check":"{check}"}}"#)
    }
}

/// The most memory that the process has had (Linux).
fn peak_kib() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB")).and_then(|number| number.trim().parse().ok());
    number.ok_or_else(|| "/proc/self/status has no VmHWM".into())
}

/// `utime` and `stime` of `proc(5)`, which Linux counts in hundredths of a second.
fn cpu_seconds() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit_once(')').map_or("", |(_name, fields)| fields);
    let ticks: Vec<f64> = fields.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse().ok()).collect();
    Ok(ticks.iter().sum::<f64>() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_one_line_of_json() {
        let outcome = Outcome::of(3, || Ok("7".to_owned())).unwrap();
        let line = outcome.line();
        assert!(line.starts_with(r#"{"records":3,"seconds":0.0"#) && line.ends_with(r#","check":"7"}"#), "{line}");
        assert!(outcome.peak_kib > 100);
    }
}
