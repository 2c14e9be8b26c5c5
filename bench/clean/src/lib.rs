//! What the programs of the job have in common: how they are called and what they print, so that
//! their answers can be compared. None of the work that is measured is here.

pub mod warehouse;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Instant;

use serde::Serialize;

/// A value of one type, or why there is none.
pub type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// Why a line is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// More or fewer than 19 fields.
    MissingColumn,
    /// A value that its column's type cannot hold.
    BadNumber,
    /// A text that is not UTF-8.
    NotUtf8,
    /// Rule 1: the four times are times of day.
    BadTime,
    /// Rule 2: there is a carrier.
    NoCarrier,
    /// Rule 3: the distance is positive.
    BadDistance,
    /// Rule 4: the departure is between two hours early and a day late.
    BadDelay,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::MissingColumn, Self::BadNumber, Self::NotUtf8, Self::BadTime, Self::NoCarrier, Self::BadDistance, Self::BadDelay];

    /// The name in the answer.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MissingColumn => "missing_column",
            Self::BadNumber => "bad_number",
            Self::NotUtf8 => "not_utf8",
            Self::BadTime => "bad_time",
            Self::NoCarrier => "no_carrier",
            Self::BadDistance => "bad_distance",
            Self::BadDelay => "bad_delay",
        }
    }
}

/// 517 is 05:17; 2400 is midnight at the end of the day.
#[inline]
pub fn is_time_of_day(hhmm: u16) -> bool {
    hhmm <= 2400 && hhmm % 100 < 60
}

/// Records that are rejected, by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Bad(BTreeMap<&'static str, u64>);

impl Bad {
    /// Counts `records` more.
    pub fn add(&mut self, reason: Reason, records: u64) {
        if records > 0 {
            *self.0.entry(reason.as_str()).or_default() += records;
        }
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }
}

/// What a program prints as its last line.
#[derive(Debug, Serialize)]
pub struct Answer {
    /// Records read.
    pub records: u64,
    /// Wall time of the work.
    pub seconds: f64,
    /// User and system time of the whole process and of those it has waited for, in hundredths; 0 where it is not known.
    pub cpu_seconds: f64,
    /// The largest resident memory, in KiB; 0 where it is not known.
    pub peak_kib: u64,
    /// Records loaded.
    pub good: u64,
    /// The sum of their distances.
    pub sum_distance: i64,
    /// Records rejected, by reason.
    pub bad: Bad,
}

impl Answer {
    /// The answer of a program that began at `begun`.
    pub fn new(begun: Instant, good: u64, sum_distance: i64, bad: Bad) -> Self {
        let seconds = begun.elapsed().as_secs_f64();
        let records = good + bad.total();
        Self { records, seconds, cpu_seconds: cpu_seconds(), peak_kib: peak_kib(), good, sum_distance, bad }
    }

    /// Prints it.
    pub fn print(&self) -> Result<()> {
        println!("{}", serde_json::to_string(self)?);
        Ok(())
    }
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()).and_then(|kib| kib.parse().ok()).unwrap_or(0)
}

/// `utime`, `stime`, `cutime` and `cstime` of `proc(5)`, which Linux counts in hundredths of a second: of all threads, and of
/// the children that have ended.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_name, fields)| fields);
    let ticks = fields.split_whitespace().skip(11).take(4).filter_map(|ticks| ticks.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

/// Where the output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Parquet, snappy.
    Parquet,
    /// JSON lines.
    Jsonl,
    /// A table `flights` in a new SQLite database.
    Sqlite,
    /// The table `flights` of the [warehouse]; the output's path names nothing.
    Postgres,
    /// CSV, as `psql` reads it: a missing value is nothing at all.
    Csv,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "parquet" => Ok(Self::Parquet),
            "jsonl" => Ok(Self::Jsonl),
            "sqlite" => Ok(Self::Sqlite),
            "postgres" => Ok(Self::Postgres),
            "csv" => Ok(Self::Csv),
            other => Err(format!("unknown format {other}: parquet, jsonl, sqlite, postgres or csv")),
        }
    }
}

/// `INPUT OUTPUT REJECTS FORMAT`, and options `--name value` anywhere.
#[derive(Debug)]
pub struct Args {
    /// The CSV file.
    pub input: PathBuf,
    /// The file that is made.
    pub output: PathBuf,
    /// The dead letters.
    pub rejects: PathBuf,
    /// What `output` is.
    pub format: Format,
    options: Vec<(String, String)>,
}

impl Args {
    /// The arguments of the process. Outputs of an earlier run are removed.
    pub fn parse() -> Result<Self> {
        let mut words = std::env::args().skip(1);
        let (mut places, mut options) = (Vec::new(), Vec::new());
        while let Some(word) = words.next() {
            match word.strip_prefix("--") {
                Some(name) => options.push((name.to_owned(), words.next().ok_or("an option without a value")?)),
                None => places.push(word),
            }
        }
        let [input, output, rejects, format] = <[String; 4]>::try_from(places).map_err(|_| "usage: PROGRAM INPUT OUTPUT REJECTS FORMAT")?;
        let format = format.parse::<Format>()?;
        for path in [&output, &rejects] {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        Ok(Self { input: input.into(), output: output.into(), rejects: rejects.into(), format, options })
    }

    /// The value of `--name`.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}
