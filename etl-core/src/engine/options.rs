//! What a run goes by: the attributes' options with what the operator set over them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::wiring::Outline;
use crate::contract::policy::Threshold;
use crate::contract::source::Wanted;
use crate::contract::stage::{Rate, Role, StageDefinition, StageOptions};
use crate::delivery::dead_letters;
use crate::delivery::selection::Selection;

/// How many records travel together where nothing else is said.
pub const TRAVELLING_BATCH: usize = 2_048;
/// How many calls of a `parallel` async stage are under way where nothing else is said.
pub const CONCURRENCY: usize = 16;
/// The first pause before a retry where nothing else is said.
pub const BACKOFF: Duration = StageOptions::BACKOFF;
/// The longest pause before a retry, before its jitter.
pub const LONGEST_BACKOFF: Duration = StageOptions::LONGEST_BACKOFF;
/// How long a record waits for a loader's batch to fill where nothing else is said.
pub const LINGER_TO_LOAD: Duration = Duration::from_secs(1);
/// How often a checkpoint is written where nothing else is said.
pub const CHECKPOINT: Duration = Duration::from_secs(1);
/// How long a run may be silent where nothing else is said.
pub const LEASE: Duration = Duration::from_secs(30);
/// How long a run that is to stop finishes what it has read where nothing else is said.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
/// The share of calls that may be tried again where nothing else is said.
pub const RETRY_BUDGET: f64 = 0.1;
/// What records may occupy between source and target where nothing else is said, in bytes.
pub const MEMORY: u64 = 256 << 20;

/// The options of one run, resolved.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunOptions {
    /// Names this run in logs, dead letters and the report; sorts by time.
    pub run_id: String,
    /// One per stage, in the order of [`Outline::stages`].
    pub stages: Vec<StageSettings>,
    /// How many CPU workers.
    pub threads: usize,
    /// What records may occupy between source and target, in bytes of the source.
    pub memory: u64,
    /// How many errors are tolerated.
    pub threshold: Threshold,
    /// Where rejected records go; `None` makes a rejection stop the run.
    pub dead_letter: Option<PathBuf>,
    /// How large that file may grow, in bytes; one rejection more stops the run.
    pub dead_letter_limit: u64,
    /// Read these records again, and pass over all others.
    pub only: Option<Arc<Selection>>,
    /// Stop reading after so many records.
    pub limit: Option<u64>,
    /// Do everything but load and dead-letter.
    pub dry_run: bool,
    /// An output that exists already may be replaced.
    pub replace: bool,
    /// Read from the beginning what earlier runs have read.
    pub fresh: bool,
    /// Go on where an earlier run stopped, though the program has changed since.
    pub accept_changes: bool,
    /// Where it is kept how far a run has come; `None` is `.etl/<pipeline>` in the working directory.
    pub state: Option<PathBuf>,
    /// How often it is written down how far the run has come, where the target keeps no ledger.
    pub checkpoint: Duration,
    /// How long a run may be silent before another one takes over from it.
    pub lease: Duration,
    /// How long a run that is to stop may take to finish what it has read; then it gives up.
    pub drain_timeout: Duration,
    /// The share of all calls that may be tried again, besides a few; `None` is as many as the stages
    /// ask for.
    pub retry_budget: Option<f64>,
}

/// The options of one stage, resolved.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StageSettings {
    /// How many records a batch function sees at once, or a loader commits at once; for an
    /// extractor, how many travel together; for a function of single records, how many make one
    /// batch in the metrics.
    pub batch: usize,
    /// Whether batches are worked on side by side.
    pub parallel: bool,
    /// How much is under way at once: calls of an async function, or transactions of a loader.
    pub concurrency: usize,
    /// Whether the order of the source may be lost.
    pub unordered: bool,
    /// How many records may pass in a time.
    pub rate: Option<Rate>,
    /// How long a record may wait until its batch is full: for an extractor, the batch that travels;
    /// for a loader, the one that is committed.
    pub linger: Duration,
    /// How often an error of class retry is tried again.
    pub retries: u32,
    /// The first pause before a retry; it doubles, with jitter, up to [`LONGEST_BACKOFF`].
    pub backoff: Duration,
    /// How long one call may take.
    pub timeout: Option<Duration>,
    /// How long all tries of one record (or one batch) may take together: none begins later.
    pub deadline: Option<Duration>,
    /// How long a loader waits for a target that is still away when the tries of a batch are used up.
    pub outage: Option<Duration>,
    /// Whether the rules that the attribute asks for are checked.
    pub validate: bool,
}

impl StageSettings {
    /// What the attribute says, with the usual values where it is silent.
    #[must_use]
    pub fn of(stage: &StageDefinition) -> Self {
        let options = &stage.options;
        let concurrency = options.concurrency.unwrap_or(if stage.is_async && options.parallel { CONCURRENCY } else { 1 });
        // An async stage of single records works through small batches, so that what is done can go
        // on; 16 times the concurrency is enough for a slow call not to stop the others.
        let calls_records = stage.is_async && !stage.takes.is_batch() && matches!(stage.role, Role::Transform | Role::Filter);
        let usual_batch = if calls_records { (16 * concurrency).max(64) } else { TRAVELLING_BATCH };
        Self {
            batch: options.batch.unwrap_or(usual_batch),
            // A filter is stateless and keeps the order, so it runs wherever its neighbour does.
            parallel: options.parallel || stage.role == Role::Filter || concurrency > 1,
            concurrency,
            unordered: options.unordered,
            rate: options.rate,
            linger: options.linger.unwrap_or(if stage.role == Role::Loader { LINGER_TO_LOAD } else { Wanted::LINGER }),
            retries: options.retries.unwrap_or(0),
            backoff: options.backoff.unwrap_or(BACKOFF),
            timeout: options.timeout,
            deadline: options.deadline,
            outage: options.outage,
            validate: options.validate_input || options.validate_output,
        }
    }
}

impl RunOptions {
    /// What the pipeline's author wrote, with a new run id.
    #[must_use]
    pub fn new(outline: &Outline) -> Self {
        let mut stages: Vec<_> = outline.stages.iter().map(StageSettings::of).collect();
        // Records travel in batches that are large enough for the largest batch a function asks for.
        let largest = outline
            .stages
            .iter()
            .zip(&stages)
            .filter(|(stage, _)| stage.takes.is_batch() && stage.role == Role::Transform)
            .map(|(_, s)| s.batch)
            .max();
        if let (Some(extractor), Some(largest)) = (stages.first_mut(), largest)
            && outline.stages[0].options.batch.is_none()
        {
            extractor.batch = extractor.batch.max(largest);
        }
        Self {
            run_id: new_run_id(),
            stages,
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory: outline.policy.memory.unwrap_or(MEMORY),
            threshold: outline.policy.threshold,
            dead_letter: None,
            dead_letter_limit: dead_letters::LIMIT,
            only: None,
            limit: None,
            dry_run: false,
            replace: false,
            fresh: false,
            accept_changes: false,
            state: None,
            checkpoint: CHECKPOINT,
            lease: LEASE,
            drain_timeout: DRAIN_TIMEOUT,
            retry_budget: Some(RETRY_BUDGET),
        }
    }

    /// Where it is kept how far the runs of `pipeline` have come.
    #[must_use]
    pub fn state_dir(&self, pipeline: &str) -> PathBuf {
        self.state.clone().unwrap_or_else(|| PathBuf::from(".etl").join(kebab(pipeline)))
    }
}

/// `DailyFlights` as `daily-flights`.
pub(crate) fn kebab(name: &str) -> String {
    let mut kebab = String::with_capacity(name.len() + 4);
    let mut after_lower = false;
    for c in name.chars() {
        if c == '_' || c == '-' {
            kebab.push('-');
            after_lower = false;
        } else {
            if c.is_uppercase() && after_lower {
                kebab.push('-');
            }
            after_lower = c.is_lowercase() || c.is_ascii_digit();
            kebab.extend(c.to_lowercase());
        }
    }
    kebab
}

/// `20261122T213000Z-4f2a9c`: the time in UTC, and enough chance to tell two runs of one second.
fn new_run_id() -> String {
    let now = humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string();
    let stamp: String = now.chars().filter(|c| *c != '-' && *c != ':').collect();
    format!("{stamp}-{:06x}", fastrand::u32(..0x0100_0000))
}
