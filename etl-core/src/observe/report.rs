//! What a run came to. Serialized, it is the stable schema of `run --report FILE`.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::metrics::{Counts, StageSnapshot};
use crate::contract::error::{Class, Error, ErrorKind, Result};
use crate::contract::stage::StageDefinition;

/// The version of the report's schema; raised when a field changes its meaning or goes.
pub const VERSION: u32 = 1;

/// What a run came to.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// [`VERSION`].
    pub version: u32,
    /// The pipeline's name.
    pub pipeline: &'static str,
    /// Names the run.
    pub run_id: String,
    /// How it ended.
    pub status: Status,
    /// When it began, in UTC (RFC 3339).
    pub started: String,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// The source, as it names itself.
    pub source: String,
    /// The target, as it names itself; empty for a loader without one.
    pub target: String,
    /// The fates of all records.
    pub records: Totals,
    /// The run that it went on from, where an earlier one had stopped.
    pub resumed: Option<String>,
    /// An earlier run had done all that there is to do.
    pub nothing_new: bool,
    /// The fates of all records of the source over all runs, where it is written down how far they
    /// came.
    pub all_runs: Option<Totals>,
    /// How many records at most a kill could have doubled, where the target keeps no account of what
    /// is committed.
    pub may_double: Option<u64>,
    /// How many effects outside of the process were undone, because the records that they were made
    /// for are not committed.
    pub compensated: u64,
    /// The records whose effects could not be undone, by stage and position: the first hundred.
    pub not_compensated: Vec<NotCompensated>,
    /// How many effects the next run undoes or keeps, once it knows what the target holds.
    pub left_to_compensate: u64,
    /// The stages, in the order of the pipeline's outline.
    pub stages: Vec<StageReport>,
    /// Where the rejected records are, if there are any.
    pub dead_letters: Option<PathBuf>,
    /// The commonest reasons of rejections and skips, at most ten.
    pub reasons: Vec<Reason>,
    /// The largest resident memory of the process so far, in bytes; known on Linux only.
    pub peak_memory_bytes: Option<u64>,
    /// Why it did not end well.
    pub error: Option<ErrorReport>,
    /// The error itself.
    #[serde(skip)]
    pub failure: Option<Error>,
}

impl Report {
    /// The report, unless the run failed.
    ///
    /// # Errors
    /// Why it failed.
    pub fn into_result(self) -> Result<Self> {
        match self.failure {
            Some(failure) => Err(failure),
            None => Ok(self),
        }
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// Every record has its fate and the target is published.
    Done,
    /// As `Done`, but nothing was loaded, because `--dry-run` said so.
    DryRun,
    /// An error stopped it.
    Failed,
    /// It did not end well, and what its stages did outside of the process could not all be undone.
    CompensationFailed,
    /// It was stopped from outside.
    Stopped,
}

impl Status {
    /// The status as the report writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::DryRun => "dry_run",
            Self::Failed => "failed",
            Self::CompensationFailed => "compensation_failed",
            Self::Stopped => "stopped",
        }
    }
}

/// The fates of all records of a run: `extracted + made = loaded + filtered + skipped + rejected +
/// failed + absorbed + dropped + unfinished`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Totals {
    /// Records read from the source.
    pub extracted: u64,
    /// Outputs beyond the first of an input.
    pub made: u64,
    /// Records in the target.
    pub loaded: u64,
    /// Records left out on purpose.
    pub filtered: u64,
    /// Records whose error was of class skip.
    pub skipped: u64,
    /// Records in the dead letters.
    pub rejected: u64,
    /// Records that stopped the run.
    pub failed: u64,
    /// Input of aggregates; none yet.
    pub absorbed: u64,
    /// Records that a lagging branch dropped; none yet.
    pub dropped: u64,
    /// Records read but not committed when the run stopped.
    pub unfinished: u64,
}

/// One stage of a run.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct StageReport {
    /// The stage's name.
    pub name: &'static str,
    /// What it does in the flow.
    pub role: &'static str,
    /// The fates of its records.
    #[serde(flatten)]
    pub counts: Counts,
    /// Batches worked through.
    pub batches: u64,
    /// Calls that were repeated.
    pub retries: u64,
    /// The time spent in the stage in seconds, summed over workers.
    pub busy_seconds: f64,
    /// How often it was waited for a target that was still away when the tries of a batch were used up.
    pub outages: u64,
    /// How long in seconds, all together; a part of `busy_seconds`.
    pub outage_seconds: f64,
}

/// How often records were rejected or skipped for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Reason {
    /// The stage.
    pub stage: &'static str,
    /// The code of the error.
    pub code: &'static str,
    /// Its text, of the first such record.
    pub message: String,
    /// `reject` or `skip`.
    pub class: &'static str,
    /// How many records.
    pub records: u64,
}

/// A record whose effect outside of the process could not be undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NotCompensated {
    /// The stage that made the effect.
    pub stage: String,
    /// The part of the source.
    pub partition: String,
    /// The number of the record in it.
    pub ordinal: u64,
    /// The code of the error.
    pub code: String,
}

impl NotCompensated {
    pub(crate) fn new(stage: &str, partition: &str, ordinal: u64, code: &str) -> Self {
        Self { stage: stage.to_owned(), partition: partition.to_owned(), ordinal, code: code.to_owned() }
    }
}

/// An error as the report writes it.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ErrorReport {
    /// What went wrong.
    pub kind: &'static str,
    /// A name that never changes.
    pub code: &'static str,
    /// The stage in which it happened.
    pub stage: Option<&'static str>,
    /// The record at which it happened.
    pub position: Option<String>,
    /// What happened.
    pub message: String,
    /// The causes, outermost first.
    pub causes: Vec<String>,
    /// What the operator can do.
    pub hint: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
}

impl Reason {
    pub(crate) fn new(stage: &'static str, code: &'static str, message: &str, class: Class) -> Self {
        Self { stage, code, message: message.to_owned(), class: class.as_str(), records: 0 }
    }
}

impl From<&Error> for ErrorReport {
    fn from(error: &Error) -> Self {
        Self {
            kind: error.kind().as_str(),
            code: error.code(),
            stage: error.stage(),
            position: error.position().map(ToString::to_string),
            message: error.message().to_owned(),
            causes: error.causes().map(str::to_owned).collect(),
            hint: error.advice().map(str::to_owned),
            attempts: error.attempts(),
        }
    }
}

impl StageReport {
    pub(crate) fn new(definition: &StageDefinition, snapshot: &StageSnapshot) -> Self {
        Self {
            name: definition.name,
            role: definition.role.as_str(),
            counts: snapshot.counts,
            batches: snapshot.batches,
            retries: snapshot.retries,
            busy_seconds: seconds(snapshot.busy),
            outages: snapshot.outages,
            outage_seconds: seconds(snapshot.outage),
        }
    }
}

/// The high-water mark of the process's resident memory, from `/proc`.
pub(crate) fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kib: u64 = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// To the microsecond: more would be noise.
#[allow(clippy::cast_precision_loss, reason = "a run of 285 years would lose a microsecond")]
pub(crate) fn seconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1e6
}

impl Totals {
    /// Adds up the stages of a straight flow: the first extracts, the last loads.
    pub(crate) fn of(stages: &[StageReport]) -> Self {
        let mut sum = Counts::default();
        for stage in stages {
            sum.add(&stage.counts);
        }
        Self {
            extracted: stages.first().map_or(0, |stage| stage.counts.entered),
            made: sum.made,
            loaded: stages.last().map_or(0, |stage| stage.counts.out),
            filtered: sum.filtered,
            skipped: sum.skipped,
            rejected: sum.rejected,
            failed: sum.failed,
            absorbed: 0,
            dropped: 0,
            unfinished: sum.unfinished,
        }
    }

    /// Whether every record has exactly one fate (I3).
    #[must_use]
    pub const fn conserved(&self) -> bool {
        self.extracted + self.made
            == self.loaded + self.filtered + self.skipped + self.rejected + self.failed + self.absorbed + self.dropped + self.unfinished
    }
}

/// Checks I3: each stage's sums, each edge, and the totals.
pub(crate) fn check_conservation(stages: &[StageReport], totals: &Totals) -> Result<(), Error> {
    for stage in stages {
        if !stage.counts.conserved() {
            return Err(unbalanced(format!(
                "stage `{}` took {} records and accounts for another number",
                stage.name, stage.counts.entered
            )));
        }
    }
    for pair in stages.windows(2) {
        if pair[0].counts.out != pair[1].counts.entered {
            return Err(unbalanced(format!(
                "`{}` passed on {} records, but `{}` took {}",
                pair[0].name, pair[0].counts.out, pair[1].name, pair[1].counts.entered
            )));
        }
    }
    if totals.conserved() { Ok(()) } else { Err(unbalanced("the totals of the run do not add up".to_owned())) }
}

fn unbalanced(message: String) -> Error {
    Error::new(ErrorKind::Conservation, message).hint("this is a bug in the engine: please report it with this report")
}
