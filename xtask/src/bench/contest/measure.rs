//! Running the programs in turn, and understanding what they say.

use std::collections::BTreeMap;

use serde_json::Value;

use super::programs::Programs;
use super::table::{Row, Table};
use crate::step::{Result, root};

/// What a contestant said at its end.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Run {
    pub(super) records: u64,
    pub(super) seconds: f64,
    pub(super) cpu_seconds: Option<f64>,
    pub(super) peak_mib: f64,
    pub(super) check: String,
}

/// What is in an output, whatever order its rows are in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Digest {
    pub(super) rows: u64,
    digest: String,
}

/// What came of a table.
pub(super) struct Measured {
    /// The runs of each row, by round.
    pub(super) runs: Vec<Vec<Run>>,
    /// Which outputs were found to hold the same, in sentences.
    pub(super) same: Vec<String>,
}

impl Run {
    /// The last line, in JSON. Where it has no `check`, what was computed goes by `good`, `sum_distance` and `bad`.
    pub(super) fn parse(printed: &str) -> Option<Self> {
        let line: Value = serde_json::from_str(printed.lines().last()?).ok()?;
        let check = match &line["check"] {
            Value::Null => {
                let bad: BTreeMap<&String, &Value> = line["bad"].as_object()?.iter().collect();
                let bad = serde_json::to_string(&bad).ok()?;
                format!("{} good, sum {}, bad {bad}", line["good"].as_u64()?, line["sum_distance"].as_i64()?)
            }
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

    /// That this is what the input's answer says.
    fn is_right(&self, name: &str, answer: &Self) -> Result<()> {
        if (self.records, &self.check) == (answer.records, &answer.check) {
            return Ok(());
        }
        let said = |run: &Self| format!("{} records, {}", run.records, run.check);
        Err(format!("`{name}` is wrong: {}, instead of {}", said(self), said(answer)).into())
    }
}

impl Digest {
    /// A line of JSON.
    pub(super) fn parse(printed: &str) -> Option<Self> {
        let line: Value = serde_json::from_str(printed).ok()?;
        Some(Self { rows: line["rows"].as_u64()?, digest: line["digest"].as_str()?.to_owned() })
    }
}

impl Measured {
    /// Runs all rows in turn, so many times.
    pub(super) fn of(table: &Table, programs: &Programs, rounds: u32) -> Result<Self> {
        let mut runs: Vec<Vec<Run>> = table.rows.iter().map(|_row| Vec::new()).collect();
        let mut digests = Vec::new();
        let rounds = rounds * table.runs_per_round;
        for round in 1..=rounds {
            for (row, runs) in table.rows.iter().zip(&mut runs) {
                let run = programs.run(row)?;
                if let Some(load) = row.load {
                    run.is_right(row.name, &load.input.answer(&root())?)?;
                    if round == rounds {
                        digests.push((row.name, load.input.file, programs.digest(&load)?));
                        load.forget()?;
                    }
                }
                runs.push(run);
            }
        }
        let mut all: Vec<_> = table.rows.iter().zip(&runs).flat_map(|(row, runs)| runs.iter().map(|run| (row.name, run.clone()))).collect();
        all.extend(references(table, programs)?);
        agree(all.iter().map(|(name, run)| (*name, run)))?;
        Ok(Self { runs, same: same(&digests)? })
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

/// That all outputs made out of one input hold the same, in a sentence for each input.
fn same(digests: &[(&'static str, &'static str, Digest)]) -> Result<Vec<String>> {
    let mut by_input: BTreeMap<&str, Vec<(&str, &Digest)>> = BTreeMap::new();
    for (name, input, digest) in digests {
        by_input.entry(input).or_default().push((name, digest));
    }
    let mut sentences = Vec::new();
    for (input, outputs) in &by_input {
        let (first, digest) = outputs[0];
        if let Some((name, other)) = outputs.iter().find(|(_name, other)| *other != digest) {
            let (digest, other) = ((digest.rows, &digest.digest), (other.rows, &other.digest));
            return Err(format!("the outputs of `{first}` and `{name}` hold different rows: {digest:?} and {other:?}").into());
        }
        let from = if by_input.len() > 1 { format!(" made from `{input}`") } else { String::new() };
        sentences.push(format!("The {} outputs{from} hold the same {} rows.", outputs.len(), grouped(digest.rows)));
    }
    Ok(sentences)
}

/// With a comma before every three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let (head, rest) = digits.split_at(first);
    let groups = rest.as_bytes().chunks(3).map(|three| String::from_utf8_lossy(three).into_owned());
    (!head.is_empty()).then(|| head.to_owned()).into_iter().chain(groups).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_what_counts() {
        let run = Run::parse("hello\n{\"records\":4,\"seconds\":2.0,\"cpu_seconds\":3.5,\"peak_kib\":2048,\"check\":\"7\"}\n").unwrap();
        assert_eq!(run, Run { records: 4, seconds: 2.0, cpu_seconds: Some(3.5), peak_mib: 2.0, check: "7".to_owned() });
        assert!((run.nanoseconds() - 5e8).abs() < 1e-3);
        let line = r#"{"records":4,"seconds":2,"peak_kib":1,"good":2,"sum_distance":12,"bad":{"b":1,"a":1}}"#;
        let run = Run::parse(line).unwrap();
        assert_eq!((run.check.as_str(), run.cpu_seconds), (r#"2 good, sum 12, bad {"a":1,"b":1}"#, None));
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
        assert!(b.is_right("b", &b).is_ok());
        let said = b.is_right("b", &run(3, "y")).unwrap_err().to_string();
        assert_eq!(said, "`b` is wrong: 2 records, y, instead of 3 records, y");
    }

    #[test]
    fn outputs_of_one_input_hold_the_same() {
        let digest = |text: &str| Digest::parse(&format!("{{\"rows\":2,\"digest\":\"{text}\"}}\n")).unwrap();
        let (a, b, c) = (("a", "year.csv", digest("x")), ("b", "year.csv", digest("x")), ("c", "flights.csv", digest("y")));
        assert_eq!(same(&[]).unwrap(), [""; 0]);
        assert_eq!([7, 123, 4_567, 2_010_582].map(grouped), ["7", "123", "4,567", "2,010,582"]);
        assert_eq!(same(&[a.clone(), b.clone()]).unwrap(), ["The 2 outputs hold the same 2 rows."]);
        assert_eq!(same(&[a.clone(), b, c]).unwrap()[1], "The 2 outputs made from `year.csv` hold the same 2 rows.");
        let said = same(&[a, ("c", "year.csv", digest("y"))]).unwrap_err().to_string();
        assert_eq!(said, r#"the outputs of `a` and `c` hold different rows: (2, "x") and (2, "y")"#);
    }
}
