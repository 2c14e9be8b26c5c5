//! Building the programs, running them in turn, and understanding what they say.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::table::{Program, Row, Table};
use crate::step::{Result, cargo, command, output, run};

/// The workspace of the contestants.
const WORKSPACE: &str = "bench/Cargo.toml";

/// Where the contestants are.
pub(super) struct Programs {
    release: PathBuf,
}

/// What a contestant said at its end.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Run {
    pub(super) records: u64,
    pub(super) seconds: f64,
    pub(super) cpu_seconds: Option<f64>,
    pub(super) peak_mib: f64,
    pub(super) check: String,
}

/// The runs of each row of a table, by round.
pub(super) struct Measured(pub(super) Vec<Vec<Run>>);

impl Programs {
    /// Builds them for release.
    pub(super) fn build() -> Result<Self> {
        run(&mut cargo(&["build", "--release", "--locked", "--manifest-path", WORKSPACE]))?;
        let metadata = output(&mut cargo(&["metadata", "--no-deps", "--format-version", "1", "--manifest-path", WORKSPACE]))?;
        let metadata: Value = serde_json::from_str(&metadata)?;
        let folder = metadata["target_directory"].as_str().ok_or("cargo does not say where it compiles to")?;
        Ok(Self { release: PathBuf::from(folder).join("release") })
    }

    fn command(&self, row: &Row) -> Command {
        let mut command = match row.program {
            Program::Built(name) => command(self.release.join(name)),
        };
        command.args(row.command_line());
        command
    }

    fn run(&self, row: &Row) -> Result<Run> {
        let printed = output(self.command(row).stderr(Stdio::inherit()))?;
        Run::parse(&printed).ok_or_else(|| format!("`{}` printed no line of JSON at its end: {printed:?}", row.name).into())
    }
}

impl Run {
    /// The last line, in JSON. Where it has no `check`, what was computed goes by `good` and `sum_distance`.
    pub(super) fn parse(printed: &str) -> Option<Self> {
        let line: Value = serde_json::from_str(printed.lines().last()?).ok()?;
        let check = match &line["check"] {
            Value::Null => format!("{} good, {}", line["good"].as_u64()?, line["sum_distance"].as_i64()?),
            Value::String(check) => check.clone(),
            other => other.to_string(),
        };
        Some(Self {
            records: line["records"].as_u64()?,
            seconds: line["seconds"].as_f64()?,
            cpu_seconds: line["cpu_seconds"].as_f64(),
            peak_mib: line["peak_kib"].as_f64()? / 1024.0,
            check,
        })
    }

    /// Per record.
    pub(super) fn nanoseconds(&self) -> f64 {
        1e9 * self.seconds / self.records as f64
    }
}

impl Measured {
    /// Runs all rows in turn, so many times.
    pub(super) fn of(table: &Table, programs: &Programs, rounds: u32) -> Result<Self> {
        let mut runs: Vec<Vec<Run>> = table.rows.iter().map(|_row| Vec::new()).collect();
        for _ in 0..rounds * table.runs_per_round {
            for (row, runs) in table.rows.iter().zip(&mut runs) {
                runs.push(programs.run(row)?);
            }
        }
        let mut all: Vec<_> = table.rows.iter().zip(&runs).flat_map(|(row, runs)| runs.iter().map(|run| (row.name, run.clone()))).collect();
        all.extend(references(table, programs)?);
        agree(all.iter().map(|(name, run)| (*name, run)))?;
        Ok(Self(runs))
    }
}

/// The baseline once for each other number of records, so that what the others compute is compared with something.
fn references(table: &Table, programs: &Programs) -> Result<Vec<(&'static str, Run)>> {
    let Some(baseline) = table.baseline.and_then(|name| table.rows.iter().find(|row| row.name == name)) else { return Ok(Vec::new()) };
    let mut others: Vec<_> = table.rows.iter().map(|row| row.records).filter(|records| *records != baseline.records).collect();
    others.sort_unstable();
    others.dedup();
    others.into_iter().map(|records| Ok((baseline.name, programs.run(&Row { records, ..baseline.clone() })?))).collect()
}

/// That all runs over so many records have computed the same.
fn agree<'a>(runs: impl Iterator<Item = (&'static str, &'a Run)>) -> Result<()> {
    let mut first: BTreeMap<u64, (&str, &str)> = BTreeMap::new();
    for (name, run) in runs {
        let (other, check) = *first.entry(run.records).or_insert((name, &run.check));
        if check != run.check {
            return Err(format!("`{name}` and `{other}` do not agree: {} and {check}", run.check).into());
        }
    }
    Ok(())
}

/// What a contributor would type.
pub(super) fn typed(row: &Row) -> String {
    let Program::Built(name) = row.program;
    format!("{name} {}", row.command_line().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_what_counts() {
        let run = Run::parse("hello\n{\"records\":4,\"seconds\":2.0,\"cpu_seconds\":3.5,\"peak_kib\":2048,\"check\":\"7\"}\n").unwrap();
        assert_eq!(run, Run { records: 4, seconds: 2.0, cpu_seconds: Some(3.5), peak_mib: 2.0, check: "7".to_owned() });
        assert!((run.nanoseconds() - 5e8).abs() < 1e-3);
        let run = Run::parse("{\"records\":4,\"seconds\":2,\"peak_kib\":1,\"good\":3,\"sum_distance\":12}").unwrap();
        assert_eq!((run.check.as_str(), run.cpu_seconds), ("3 good, 12", None));
        assert_eq!(Run::parse("{\"records\":4}"), None);
        assert_eq!(Run::parse(""), None);
    }

    #[test]
    fn who_has_computed_something_else_is_named() {
        let run = |records, check: &str| Run { records, seconds: 1.0, cpu_seconds: None, peak_mib: 1.0, check: check.to_owned() };
        let (a, b, c) = (run(1, "x"), run(2, "y"), run(2, "z"));
        assert!(agree([("a", &a), ("b", &b)].into_iter()).is_ok());
        let said = agree([("a", &a), ("b", &b), ("c", &c)].into_iter()).unwrap_err().to_string();
        assert_eq!(said, "`c` and `b` do not agree: z and y");
    }

    #[test]
    fn a_command_line_says_how_many_records() {
        let row = Row::micro("a", super::super::table::Part::Io, "ours", 7).with("concurrency", 64);
        assert_eq!(typed(&row), "micro io ours --concurrency 64 --records 7");
        assert!(crate::step::root().join(WORKSPACE).is_file());
    }
}
