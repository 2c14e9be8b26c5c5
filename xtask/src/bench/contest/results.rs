//! What the measurements come to: medians, ratios and bars, as Markdown.

use std::fmt::Write as _;

use super::measure::{Measured, Run};
use super::programs::typed;
use super::table::{Bar, FLAT, Measure, SLACK_MIB, Table};
use crate::step::Result;

/// The median, with the least and the most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

impl Spread {
    /// `None` of nothing.
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<_> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = if values.len().is_multiple_of(2) { f64::midpoint(values[middle - 1], values[middle]) } else { values[middle] };
        Some(Self { median, least, most })
    }

    fn with_range(self) -> String {
        let Self { median, least, most } = self;
        format!("{median:.2} ({least:.2}–{most:.2})")
    }
}

/// What came of one row.
struct Line {
    name: &'static str,
    command: String,
    records: u64,
    seconds: f64,
    nanoseconds: f64,
    peak_mib: f64,
    /// By the baseline, where the table has one.
    ratio: Option<Spread>,
    cpu_ratio: Option<f64>,
}

/// A bar, and whether it holds.
#[derive(Debug, PartialEq)]
struct Judged {
    what: String,
    measured: String,
    allowed: String,
    holds: bool,
}

/// What came of one table.
pub(super) struct Results {
    title: String,
    about: String,
    /// Which outputs hold the same.
    same: Vec<String>,
    lines: Vec<Line>,
    judged: Vec<Judged>,
    /// The names of those that ours was faster than, and of those that were faster.
    won: Vec<&'static str>,
    lost: Vec<&'static str>,
}

/// The runs of a table, by the names of its rows.
struct Named<'a> {
    table: &'a Table,
    runs: &'a [Vec<Run>],
}

impl Named<'_> {
    fn runs(&self, name: &str) -> Result<&[Run]> {
        let place = self.table.rows.iter().position(|row| row.name == name);
        place.and_then(|place| self.runs.get(place)).map(Vec::as_slice).ok_or_else(|| format!("no row named `{name}`").into())
    }

    /// One by another of the same round, per record.
    fn ratio(&self, of: &str, to: &str) -> Result<Spread> {
        let pairs = self.runs(of)?.iter().zip(self.runs(to)?);
        Spread::of(pairs.map(|(of, to)| of.nanoseconds() / to.nanoseconds())).ok_or_else(|| "nothing was measured".into())
    }

    fn peak(&self, name: &str) -> Result<f64> {
        let peak = Spread::of(self.runs(name)?.iter().map(|run| run.peak_mib));
        peak.map(|peak| peak.median).ok_or_else(|| "nothing was measured".into())
    }

    fn judge(&self, bar: &Bar) -> Result<Judged> {
        let (measured, allowed, holds) = match &bar.measure {
            Measure::Time { of, to, limit } => {
                let ratio = self.ratio(of, to)?;
                (ratio.with_range(), format!("at most {limit}"), ratio.median <= *limit)
            }
            Measure::Efficiency { of, to, limit } => {
                let efficiency = self.ratio(to, of)?;
                (efficiency.with_range(), format!("at least {limit}"), efficiency.median >= *limit)
            }
            Measure::Ahead { of, rows } => {
                let ratios: Result<Vec<_>> = rows.iter().map(|row| Ok((self.ratio(of, row)?.median, *row))).collect();
                let nearest = ratios?.into_iter().max_by(|a, b| a.0.total_cmp(&b.0)).ok_or("a bar without rows")?;
                (format!("{:.2} of *{}*", nearest.0, nearest.1), "less than 1".to_owned(), nearest.0 < 1.0)
            }
            Measure::Flat { of, to } => {
                let (of, to) = (self.peak(of)?, self.peak(to)?);
                let most = (FLAT * to).max(to + SLACK_MIB);
                (format!("{of:.0} MiB"), format!("at most {most:.0} MiB"), of <= most)
            }
            Measure::Budget { of, to, mib } => {
                let (of, most) = (self.peak(of)?, self.peak(to)? + mib + SLACK_MIB);
                (format!("{of:.0} MiB"), format!("at most {most:.0} MiB"), of <= most)
            }
        };
        Ok(Judged { what: bar.what.replace("**", ""), measured, allowed, holds })
    }
}

impl Results {
    /// Medians of all rows; an error where nothing was measured.
    pub(super) fn of(table: &Table, Measured { runs, same }: &Measured) -> Result<Self> {
        let named = Named { table, runs };
        let median = |name: &str, of: fn(&Run) -> f64| -> Result<f64> {
            Ok(Spread::of(named.runs(name)?.iter().map(of)).ok_or("nothing was measured")?.median)
        };
        let cpu = |name: &str| -> Result<Option<f64>> {
            let each: Option<Vec<_>> = named.runs(name)?.iter().map(|run| Some(run.cpu_seconds? / run.records as f64)).collect();
            Ok(each.and_then(Spread::of).map(|cpu| cpu.median))
        };
        let mut lines = Vec::new();
        for row in &table.rows {
            let (ratio, cpu_ratio) = match table.baseline {
                Some(baseline) => (Some(named.ratio(row.name, baseline)?), cpu(row.name)?.zip(cpu(baseline)?).map(|(of, to)| of / to)),
                None => (None, None),
            };
            lines.push(Line {
                name: row.name,
                command: typed(row),
                records: named.runs(row.name)?.first().map_or(0, |run| run.records),
                seconds: median(row.name, |run| run.seconds)?,
                nanoseconds: median(row.name, Run::nanoseconds)?,
                peak_mib: median(row.name, |run| run.peak_mib)?,
                ratio,
                cpu_ratio,
            });
        }
        let (mut won, mut lost) = (Vec::new(), Vec::new());
        if let Some(ours) = table.ours {
            for row in table.rows.iter().filter(|row| row.name != ours && !row.name.starts_with("ours")) {
                if named.ratio(ours, row.name)?.median < 1.0 { won.push(row.name) } else { lost.push(row.name) }
            }
        }
        let judged = table.bars.iter().map(|bar| named.judge(bar)).collect::<Result<_>>()?;
        Ok(Self { title: table.title.clone(), about: table.about.clone(), same: same.clone(), lines, judged, won, lost })
    }

    /// The table as Markdown, under its title.
    pub(super) fn text(&self) -> String {
        let mut text = format!("### {}\n\n{}\n\n", self.title, self.about);
        if self.lines.iter().all(|line| line.ratio.is_some()) {
            text.push_str("| | time (least–most) | cpu time | per record | peak memory |\n|---|--:|--:|--:|--:|\n");
            for line in &self.lines {
                let ratio = line.ratio.map_or_else(String::new, Spread::with_range);
                let cpu = line.cpu_ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
                let _ = writeln!(text, "| {} | {ratio} | {cpu} | {} | {:.0} MiB |", line.name, duration(line.nanoseconds), line.peak_mib);
            }
        } else {
            text.push_str("| | records | time | peak memory |\n|---|--:|--:|--:|\n");
            for line in &self.lines {
                let _ = writeln!(text, "| {} | {} | {:.2} s | {:.0} MiB |", line.name, line.records, line.seconds, line.peak_mib);
            }
        }
        for (what, names) in [("Ours takes less time than", &self.won), ("Ours takes more time than", &self.lost)] {
            if !names.is_empty() {
                let _ = writeln!(text, "\n{what}: {}.", names.join("; "));
            }
        }
        if !self.same.is_empty() {
            let _ = writeln!(text, "\n{}", self.same.join(" "));
        }
        text
    }

    /// The commands, one a line.
    pub(super) fn commands(&self) -> String {
        self.lines.iter().map(|line| format!("{}\n", line.command)).collect()
    }
}

/// All bars of all tables, as Markdown.
pub(super) fn bars(results: &[Results]) -> String {
    let mut text = String::from("| bar | measured | allowed | |\n|---|--:|--:|---|\n");
    for Judged { what, measured, allowed, holds } in results.iter().flat_map(|result| &result.judged) {
        let _ = writeln!(text, "| {what} | {measured} | {allowed} | {} |", if *holds { "PASS" } else { "FAIL" });
    }
    text
}

/// An error that names every bar that does not hold.
pub(super) fn judge(results: &[Results]) -> Result<()> {
    let judged = results.iter().flat_map(|result| &result.judged);
    let failed: Vec<_> = judged.filter(|bar| !bar.holds).map(|bar| format!("{}: {}, {}", bar.what, bar.measured, bar.allowed)).collect();
    if failed.is_empty() { Ok(()) } else { Err(failed.join("; ").into()) }
}

fn duration(nanoseconds: f64) -> String {
    match nanoseconds {
        small if small < 1e3 => format!("{small:.2} ns"),
        small => format!("{:.2} µs", small / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::contest::table::{Program, Row};

    fn run(records: u64, seconds: f64, peak_mib: f64) -> Run {
        Run { records, seconds, cpu_seconds: Some(seconds), peak_mib, check: String::new() }
    }

    fn table(bars: Vec<Measure>) -> Table {
        Table {
            title: "Waiting".to_owned(),
            about: "It waits.".to_owned(),
            rows: ["base", "ours", "slow"].map(|name| Row::new(name, Program::Built("micro"), [name])).to_vec(),
            baseline: Some("base"),
            ours: Some("ours"),
            bars: bars.into_iter().map(|measure| Bar { what: "it".to_owned(), measure }).collect(),
            runs_per_round: 1,
        }
    }

    /// `slow` has a tenth of the records.
    fn measured() -> Measured {
        let rows = [[1.0, 1.0, 2.0], [1.2, 1.1, 2.6], [0.4, 0.5, 0.9]];
        let peaks = [10.0, 30.0, 100.0];
        let records = [10, 10, 1];
        let runs = rows.iter().zip(peaks).zip(records);
        let runs = runs.map(|((row, peak), records)| row.iter().map(|seconds| run(records, *seconds, peak)).collect()).collect();
        Measured { runs, same: vec!["They are the same.".to_owned()] }
    }

    #[test]
    fn a_median_is_in_the_middle() {
        let spread = Spread::of([3.0, 1.0, 2.0]).unwrap();
        assert_eq!(spread, Spread { median: 2.0, least: 1.0, most: 3.0 });
        assert_eq!(Spread::of([4.0, 1.0]).unwrap().median, 2.5);
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn ratios_are_those_of_one_round_and_per_record() {
        let (table, Measured { runs, .. }) = (table(Vec::new()), measured());
        let named = Named { table: &table, runs: &runs };
        let ratio = named.ratio("ours", "base").unwrap();
        assert!((ratio.median - 1.2).abs() < 1e-9 && (ratio.least - 1.1).abs() < 1e-9 && (ratio.most - 1.3).abs() < 1e-9, "{ratio:?}");
        assert!((named.ratio("slow", "base").unwrap().median - 4.5).abs() < 1e-9);
        assert!(named.ratio("nobody", "base").is_err());
    }

    #[test]
    fn a_bar_holds_or_does_not() {
        let verdicts = |measure| {
            let (table, Measured { runs, .. }) = (table(Vec::new()), measured());
            let judged = Named { table: &table, runs: &runs }.judge(&Bar { what: "it".to_owned(), measure }).unwrap();
            (judged.holds, judged.measured, judged.allowed)
        };
        let (of, to) = ("ours", "base");
        assert_eq!(verdicts(Measure::Time { of, to, limit: 1.25 }), (true, "1.20 (1.10–1.30)".to_owned(), "at most 1.25".to_owned()));
        assert!(!verdicts(Measure::Time { of, to, limit: 1.1 }).0);
        assert_eq!(verdicts(Measure::Efficiency { of, to, limit: 0.8 }).1, "0.83 (0.77–0.91)");
        assert!(verdicts(Measure::Efficiency { of, to, limit: 0.8 }).0 && !verdicts(Measure::Efficiency { of, to, limit: 0.95 }).0);
        assert_eq!(verdicts(Measure::Ahead { of, rows: vec!["slow"] }).1, "0.29 of *slow*");
        assert_eq!(verdicts(Measure::Ahead { of, rows: vec!["slow", "base"] }).1, "1.20 of *base*");
        assert!(!verdicts(Measure::Ahead { of, rows: vec!["slow", "base"] }).0);
        assert_eq!(verdicts(Measure::Flat { of, to }), (false, "30 MiB".to_owned(), "at most 26 MiB".to_owned()));
        assert!(verdicts(Measure::Flat { of: "slow", to: "slow" }).0);
        assert!(verdicts(Measure::Budget { of, to, mib: 4.0 }).0 && !verdicts(Measure::Budget { of, to, mib: 3.0 }).0);
    }

    #[test]
    fn a_table_says_who_won() {
        let bars = vec![Measure::Time { of: "ours", to: "base", limit: 1.0 }];
        let results = Results::of(&table(bars), &measured()).unwrap();
        let text = results.text();
        assert!(text.contains("| ours | 1.20 (1.10–1.30) | 1.20 | 120000.00 µs | 30 MiB |"), "{text}");
        assert!(text.contains("Ours takes less time than: slow.") && text.contains("Ours takes more time than: base."), "{text}");
        assert!(text.ends_with("\n\nThey are the same.\n"), "{text}");
        let results = [results];
        assert!(bars_of(&results).contains("| it | 1.20 (1.10–1.30) | at most 1 | FAIL |"));
        assert_eq!(judge(&results).unwrap_err().to_string(), "it: 1.20 (1.10–1.30), at most 1");
        assert!(judge(&[]).is_ok());
    }

    fn bars_of(results: &[Results]) -> String {
        super::bars(results)
    }
}
