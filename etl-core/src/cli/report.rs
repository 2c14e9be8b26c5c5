//! The report of a run in words.

use std::fmt::Write as _;
use std::time::Duration;

use super::style::Style;
use crate::contract::error::ErrorKind;
use crate::observe::progress::grouped;
use crate::observe::report::{ErrorReport, Report, StageReport, Status, Totals};

/// The whole report. `program` is how the program was called.
pub(crate) fn words(report: &Report, program: &str, style: Style) -> String {
    let mut text = String::new();
    let status = match report.status {
        Status::Done => style.good("done"),
        Status::DryRun => style.good("done, and nothing was loaded (dry run)"),
        Status::Failed => style.bad("failed"),
        Status::CompensationFailed => style.bad("failed, and not all that it did outside could be undone"),
        Status::Stopped => style.warn("stopped"),
    };
    let took = duration(report.seconds);
    let _ = write!(text, "{} {status} in {took}", style.strong(report.pipeline));
    if report.seconds > 0.0 && report.records.extracted > 0 {
        let _ = write!(text, ", {} records/s", grouped(rate(report.records.extracted, report.seconds)));
    }
    let _ = writeln!(text, "\n  run     {}", report.run_id);
    for (name, value) in [("source", &report.source), ("target", &report.target)] {
        if !value.is_empty() {
            let _ = writeln!(text, "  {name}  {value}");
        }
    }
    if let Some(run) = &report.resumed {
        let _ = writeln!(text, "  went on where run {run} stopped");
    }
    if report.nothing_new {
        let _ = writeln!(text, "  nothing new: an earlier run has loaded all that the source holds; `--fresh --replace` loads it again");
    }
    if let Some(bytes) = report.peak_memory_bytes {
        let _ = writeln!(text, "  memory  {} MiB at most", grouped(bytes.div_ceil(1 << 20)));
    }
    // A run that was refused before it began has nothing to tell of its stages.
    if (report.status != Status::Failed && !report.nothing_new) || report.records.extracted > 0 {
        text.push('\n');
        text += &table(&report.stages, style);
        let _ = writeln!(text, "\n  {}", equation(&report.records));
        if let Some(all) = report.all_runs.filter(|all| report.resumed.is_some() && all.conserved()) {
            let _ = writeln!(text, "  over all runs: {}", equation(&all));
        }
        if let Some(window) = report.may_double {
            let _ = writeln!(text, "  a kill can double up to {} records: the target keeps no account of what it holds", grouped(window));
        }
    }
    text += &undone(report);
    if !report.reasons.is_empty() {
        text.push('\n');
        for reason in &report.reasons {
            let done = if reason.class == "skip" { "skipped" } else { "rejected" };
            let _ = writeln!(
                text,
                "  {} {done} in `{}`: {} {}",
                grouped(reason.records),
                reason.stage,
                reason.message,
                style.faint(&format!("({})", reason.code))
            );
        }
    }
    if let Some(path) = &report.dead_letters {
        let _ = writeln!(text, "  dead letters are in {}", path.display());
    }
    if let Some(error) = &report.error {
        text.push('\n');
        text += &error_words(error, style);
    }
    if let Some(next) = next_step(report, program) {
        let _ = writeln!(text, "  next: {next}");
    }
    text
}

/// What became of the effects outside of the process that are not committed.
fn undone(report: &Report) -> String {
    let mut text = String::new();
    if report.compensated > 0 {
        let _ = writeln!(text, "  {} effects of stages were undone, because their records are not committed", grouped(report.compensated));
    }
    if report.left_to_compensate > 0 {
        let _ = writeln!(text, "  {} are left to the next run, which asks the target what it holds", grouped(report.left_to_compensate));
    }
    for record in &report.not_compensated {
        let _ = writeln!(text, "  not undone: `{}`, {} record {} ({})", record.stage, record.partition, record.ordinal, record.code);
    }
    text
}

/// An error with its causes and what to do.
pub(crate) fn error_words(error: &ErrorReport, style: Style) -> String {
    let place = match (error.stage, &error.position) {
        (Some(stage), Some(position)) => format!("stage `{stage}`, {position}: "),
        (Some(stage), None) => format!("stage `{stage}`: "),
        (None, Some(position)) => format!("{position}: "),
        (None, None) => String::new(),
    };
    let attempts = if error.attempts > 1 { format!(" (after {} attempts)", error.attempts) } else { String::new() };
    let mut text = format!("{} {place}{}{attempts}\n", style.bad("error:"), error.message);
    for cause in &error.causes {
        let _ = writeln!(text, "  caused by: {cause}");
    }
    if let Some(hint) = &error.hint {
        let _ = writeln!(text, "  hint: {hint}");
    }
    text
}

/// What the operator would do next.
fn next_step(report: &Report, program: &str) -> Option<String> {
    let kind = report.failure.as_ref().map(crate::contract::error::Error::kind);
    let followed = report.all_runs.is_some();
    let again = if followed {
        "the same command again goes on where this run stopped"
    } else {
        "the same command again reads the source from its beginning"
    };
    Some(match (report.status, kind) {
        (Status::Done | Status::DryRun, _) => return None,
        (Status::Stopped, _) => again.to_owned(),
        (_, Some(ErrorKind::ThresholdExceeded)) => match &report.dead_letters {
            Some(path) => format!("look at {}; `--set pipeline.error_threshold=…` changes what is tolerated", path.display()),
            None => "`--set pipeline.error_threshold=…` changes what is tolerated".to_owned(),
        },
        (_, Some(ErrorKind::Unavailable)) => format!("try again later; `{program} check` tells whether source and target can be reached"),
        (_, Some(ErrorKind::Config)) => format!("`{program} plan` shows each setting and where it came from"),
        (_, Some(ErrorKind::Storage | ErrorKind::DeadLetter)) => format!("make room or mend the disk; {again}"),
        (_, Some(ErrorKind::CompensationFailed)) => "the same command again tries to undo the rest before it reads anything".to_owned(),
        (_, Some(ErrorKind::Panicked | ErrorKind::Conservation)) => {
            "keep this report: it tells where the mistake in the program is".to_owned()
        }
        (_, Some(ErrorKind::Extraction | ErrorKind::Load | ErrorKind::Resource)) => {
            format!("`{program} check` looks at source and target without moving a record")
        }
        _ => again.to_owned(),
    })
}

/// `336,776 extracted = 327,346 loaded + 8,255 filtered + 1,175 rejected`
fn equation(records: &Totals) -> String {
    let sum = |first: (u64, &str), rest: &[(u64, &str)]| {
        let others = rest.iter().filter(|(count, _)| *count > 0);
        let parts: Vec<_> = std::iter::once(&first).chain(others).map(|(count, name)| format!("{} {name}", grouped(*count))).collect();
        parts.join(" + ")
    };
    let left = sum((records.extracted, "extracted"), &[(records.made, "made")]);
    let right = sum(
        (records.loaded, "loaded"),
        &[
            (records.filtered, "filtered"),
            (records.skipped, "skipped"),
            (records.rejected, "rejected"),
            (records.failed, "failed"),
            (records.absorbed, "absorbed"),
            (records.dropped, "dropped"),
            (records.unfinished, "unfinished"),
        ],
    );
    format!("{left} {} {right}", if records.conserved() { "=" } else { "≠" })
}

/// One line per stage; a column in which nothing happened is left out.
fn table(stages: &[StageReport], style: Style) -> String {
    type Column = (&'static str, bool, fn(&StageReport) -> String);
    let columns: [Column; 13] = [
        ("in", true, |s| grouped(s.counts.entered)),
        ("made", false, |s| grouped(s.counts.made)),
        ("out", true, |s| grouped(s.counts.out)),
        ("filtered", false, |s| grouped(s.counts.filtered)),
        ("skipped", false, |s| grouped(s.counts.skipped)),
        ("rejected", false, |s| grouped(s.counts.rejected)),
        ("failed", false, |s| grouped(s.counts.failed)),
        ("unfinished", false, |s| grouped(s.counts.unfinished)),
        ("batches", true, |s| grouped(s.batches)),
        ("retries", false, |s| grouped(s.retries)),
        ("busy", true, |s| duration(s.busy_seconds)),
        ("outages", false, |s| grouped(s.outages)),
        ("away", false, |s| if s.outages == 0 { "0".to_owned() } else { duration(s.outage_seconds) }),
    ];
    let columns: Vec<(&str, Vec<String>)> = columns
        .iter()
        .map(|(name, always, cell)| (*name, *always, stages.iter().map(cell).collect::<Vec<_>>()))
        .filter(|(_, always, cells)| *always || cells.iter().any(|cell| cell != "0"))
        .map(|(name, _, cells)| (name, cells))
        .collect();
    let width = |name: &str, cells: &[String]| cells.iter().map(|cell| cell.chars().count()).chain([name.len()]).max().unwrap_or(0);
    let first = stages.iter().map(|stage| stage.name.chars().count()).chain(["stage".len()]).max().unwrap_or(0);

    let mut head = format!("  {:first$}", "stage");
    for (name, cells) in &columns {
        let _ = write!(head, "  {name:>width$}", width = width(name, cells));
    }
    let mut text = style.faint(&head) + "\n";
    for (row, stage) in stages.iter().enumerate() {
        let _ = write!(text, "  {:first$}", stage.name);
        for (name, cells) in &columns {
            let _ = write!(text, "  {:>width$}", cells[row], width = width(name, cells));
        }
        text.push('\n');
    }
    text
}

/// `400 µs`, `412 ms`, `2.41 s`, `3m 20s`
pub(crate) fn duration(seconds: f64) -> String {
    if seconds < 1e-3 {
        format!("{:.0} µs", seconds * 1e6)
    } else if seconds < 1.0 {
        format!("{:.0} ms", seconds * 1e3)
    } else if seconds < 60.0 {
        format!("{seconds:.2} s")
    } else {
        // A run of 2^53 seconds is none of ours.
        humantime::format_duration(Duration::from_secs(seconds.round().clamp(0.0, 9e15) as u64)).to_string()
    }
}

fn rate(records: u64, seconds: f64) -> u64 {
    (records as f64 / seconds).round() as u64
}

/// A report for tests.
#[cfg(test)]
pub(crate) fn sample() -> Report {
    use crate::observe::metrics::{Counts, StageSnapshot};

    let stages: Vec<_> = crate::observe::sample::outline()
        .stages
        .iter()
        .zip([
            (Counts { entered: 336_776, out: 336_776, ..Counts::default() }, 83, 0, 210),
            (Counts { entered: 336_776, out: 335_601, rejected: 1_175, ..Counts::default() }, 674, 0, 1_830),
            (Counts { entered: 335_601, out: 335_601, ..Counts::default() }, 2_622, 3, 64_200),
            (Counts { entered: 335_601, out: 327_346, filtered: 8_255, ..Counts::default() }, 83, 0, 12),
            (Counts { entered: 327_346, out: 327_346, ..Counts::default() }, 66, 0, 940),
        ])
        .map(|(stage, (counts, batches, retries, busy))| {
            StageReport::new(
                stage,
                &StageSnapshot { counts, batches, retries, busy: Duration::from_millis(busy), ..StageSnapshot::default() },
            )
        })
        .collect();
    Report {
        version: crate::observe::report::VERSION,
        pipeline: "DailyFlights",
        run_id: "20261122T213000Z-4f2a9c".to_owned(),
        status: Status::Done,
        started: "2026-11-22T21:30:00Z".to_owned(),
        seconds: 2.41,
        source: "flights.csv".to_owned(),
        target: "flights.sqlite (flights)".to_owned(),
        records: Totals::of(&stages),
        stages,
        resumed: None,
        nothing_new: false,
        all_runs: None,
        may_double: None,
        compensated: 0,
        not_compensated: Vec::new(),
        left_to_compensate: 0,
        peak_memory_bytes: Some(35_651_584),
        dead_letters: Some("rejects.jsonl".into()),
        reasons: Vec::new(),
        error: None,
        failure: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::error::{Class, Error};
    use crate::contract::position::Position;
    use crate::observe::report::Reason;

    fn reason(stage: &'static str, code: &'static str, message: &str, class: Class, records: u64) -> Reason {
        Reason { records, ..Reason::new(stage, code, message, class) }
    }

    #[test]
    fn of_a_run_that_is_done() {
        let report = Report {
            reasons: vec![
                reason("clean", "CleanError::BadTime", "departure time is not a time of day", Class::Reject, 1_100),
                reason("clean", "validation", "`dep_delay`: greater than 1440", Class::Reject, 75),
            ],
            ..sample()
        };
        insta::assert_snapshot!(words(&report, "flights", Style::default()));
    }

    #[test]
    fn of_a_run_that_failed() {
        let position = Position { partition: "flights.csv".into(), ordinal: 6, byte: None, line: Some(8) };
        let failure = Error::new(ErrorKind::Load, "the table is not there")
            .caused_by("no such table: flights")
            .hint("create it, or name another by `--set table=…`")
            .at(position)
            .in_stage("flights_table", ErrorKind::Load);
        let mut report = sample();
        let last = report.stages.last_mut().unwrap();
        (last.counts.out, last.counts.failed, last.counts.unfinished) = (0, 1, 327_345);
        report.records = Totals::of(&report.stages);
        let report =
            Report { status: Status::Failed, error: Some((&failure).into()), failure: Some(failure), dead_letters: None, ..report };
        insta::assert_snapshot!(words(&report, "flights", Style::default()));
    }

    #[test]
    fn sums_that_do_not_add_up_are_not_called_equal() {
        let mut report = sample();
        report.records.loaded -= 1;
        assert!(equation(&report.records).contains('≠'));
    }

    #[test]
    fn durations_are_short() {
        assert_eq!([duration(0.0004), duration(0.412), duration(2.41), duration(200.4)], ["400 µs", "412 ms", "2.41 s", "3m 20s"]);
    }

    #[test]
    fn colours_are_only_where_they_are_asked_for() {
        assert!(!words(&sample(), "flights", Style { colour: false }).contains('\x1b'));
        assert!(words(&sample(), "flights", Style { colour: true }).contains("\x1b[1;32mdone"));
    }
}
