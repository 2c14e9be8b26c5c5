//! The input of the job *clean & load*, made out of a year of real flights, with the right answer beside it.

use std::fs;
use std::path::Path;

use super::measure::Run;
use super::programs::Programs;
use super::table::Row;
use crate::data;
use crate::step::{Result, root};

/// What `cargo xtask data` fetches.
const YEAR: &str = "examples/data/full/flights.csv";
/// Where everything is that is made here.
const FOLDER: &str = "bench/data";
const REJECTS: &str = "bench/data/rejects.jsonl";

/// A file of flights, one in two hundred of them damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flights {
    pub(super) file: &'static str,
    /// How often the year is in it.
    copies: u32,
}

/// 2,020,656 records.
pub(crate) const SIX_YEARS: Flights = Flights { file: "bench/data/flights.csv", copies: 6 };
/// 336,776 records, for who is slow.
pub(crate) const ONE_YEAR: Flights = Flights { file: "bench/data/year.csv", copies: 1 };

/// What the flights become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Parquet,
    Jsonl,
    Sqlite,
    /// A table of the server that the contest has started.
    Postgres,
}

/// From where to where a contestant loads flights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) input: Flights,
    pub(crate) output: &'static str,
    pub(crate) format: Format,
}

impl Format {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Jsonl => "jsonl",
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

impl Load {
    /// How each program of the job is called.
    pub(super) fn arguments(&self) -> [&'static str; 4] {
        [self.input.file, self.output, REJECTS, self.format.name()]
    }

    /// Removes the output: it is large, and the next one to write takes its place on the disk.
    pub(super) fn forget(&self) -> Result<()> {
        if self.format == Format::Postgres {
            // The next one empties the table, and the server ends with the contest.
            return Ok(());
        }
        let output = root().join(self.output);
        let removed = if output.is_dir() { fs::remove_dir_all(&output) } else { fs::remove_file(&output) };
        removed.map_err(|error| format!("{} cannot be removed: {error}", self.output).into())
    }
}

impl Flights {
    /// All that these rows read.
    pub(super) fn of<'r>(rows: impl Iterator<Item = &'r Row>) -> Vec<Self> {
        let mut all = Vec::new();
        for load in rows.filter_map(|row| row.load) {
            if !all.contains(&load.input) {
                all.push(load.input);
            }
        }
        all
    }

    /// Makes the file where it is not there, and first fetches what it is made from.
    pub(super) fn make(&self, programs: &Programs) -> Result<()> {
        if root().join(self.file).is_file() && self.answer(&root()).is_ok() {
            println!("{} is there", self.file);
            return Ok(());
        }
        if !root().join(YEAR).is_file() {
            data::data(None)?;
        }
        fs::create_dir_all(root().join(FOLDER))?;
        programs.generate(YEAR, self.copies, self.file)
    }

    /// The right answer, which is written when the file is whole.
    pub(super) fn answer(&self, root: &Path) -> Result<Run> {
        let path = format!("{}.expected.json", self.file);
        let text = fs::read_to_string(root.join(&path)).map_err(|error| format!("{path}: {error}"))?;
        Run::parse(&text).ok_or_else(|| format!("{path} holds no answer").into())
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::Program;
    use super::*;

    #[test]
    fn each_input_is_made_once() {
        let row = |input| Row::load("a", Program::Built("ours"), Load { input, output: "o", format: Format::Sqlite });
        let rows = [row(SIX_YEARS), row(ONE_YEAR), row(SIX_YEARS), Row::new("b", Program::Built("micro"), [])];
        assert_eq!(Flights::of(rows.iter()), [SIX_YEARS, ONE_YEAR]);
        assert!(Flights::of([].into_iter()).is_empty());
    }

    #[test]
    fn a_file_without_its_answer_is_not_whole() {
        let root = std::env::temp_dir().join(format!("xtask-flights-{}", std::process::id()));
        fs::create_dir_all(root.join(FOLDER)).unwrap();
        assert!(ONE_YEAR.answer(&root).unwrap_err().to_string().starts_with("bench/data/year.csv.expected.json: "));
        let written = r#"{"records":3,"seconds":1,"peak_kib":1,"good":2,"sum_distance":12,"bad":{"bad_time":1}}"#;
        fs::write(root.join("bench/data/year.csv.expected.json"), written).unwrap();
        let answer = ONE_YEAR.answer(&root).unwrap();
        fs::remove_dir_all(&root).unwrap();
        assert_eq!((answer.records, answer.check.as_str()), (3, r#"2 good, sum 12, bad {"bad_time":1}"#));
    }
}
