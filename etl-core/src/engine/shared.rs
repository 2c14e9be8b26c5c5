//! What the threads and tasks of one run have in common.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::{Notify, Semaphore};

use super::compensating::Compensated;
use super::effects::Effects;
use super::letters::Postbox;
use super::options::RunOptions;
use super::pace::Pace;
use super::parcel::Excluded;
use super::pool::CpuPool;
use super::retry::RetryBudget;
use super::spares::Spares;
use super::steps::{LoadStep, OpenStep, Step};
use super::stop::StopHandle;
use super::suspect::Marker;
use super::trains::Trains;
use super::wiring::{Outline, Plan};
use super::work::{Stage, Tally};
use crate::contract::error::{Error, ErrorKind};
use crate::contract::source::SourceInfo;
use crate::contract::stage::Role;
use crate::delivery::intervals::Intervals;
use crate::delivery::rows::ErrorRows;
use crate::delivery::selection::Selection;
use crate::observe::metrics::Metrics;
use crate::observe::report::Totals;

pub(super) struct Shared<C> {
    pub(super) context: C,
    pub(super) outline: Outline,
    pub(super) options: RunOptions,
    pub(super) stages: Vec<Stage>,
    pub(super) source: Box<dyn OpenStep<C>>,
    pub(super) steps: Vec<Step<C>>,
    pub(super) loader: Box<dyn LoadStep<C>>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) stop: StopHandle,
    pub(super) source_info: Arc<OnceLock<SourceInfo>>,
    pub(super) budget: Arc<Semaphore>,
    /// The reader waits for memory that others hold.
    pub(super) starving: AtomicBool,
    /// Told each time it begins to.
    pub(super) starves: Notify,
    pub(super) trains: Trains,
    /// What earlier runs have done of the source, where this run is followed; set before it is read.
    pub(super) followed: OnceLock<Followed>,
    /// What stages do outside of the process, where they can undo it; set before any record moves.
    pub(super) effects: Arc<OnceLock<Arc<Effects>>>,
    /// That this run is under way, where it is followed; set before it is read.
    pub(super) marker: OnceLock<Marker>,
    pub(super) span: tracing::Span,
    compensated: Mutex<Compensated>,
    failure: Mutex<Option<Error>>,
}

/// What a run that is followed goes on from.
#[derive(Debug, Default)]
pub(super) struct Followed {
    /// The records that are done; in a replay, of those that are chosen.
    pub(super) done: Intervals,
    /// The only records that are read, in a replay.
    pub(super) only: Option<Arc<Selection>>,
    /// What became of them.
    pub(super) totals: Totals,
    /// The rows of errors that may have gone on behind them.
    pub(super) error_rows: Vec<Range<u64>>,
    /// The run that stopped there.
    pub(super) run: Option<String>,
    /// It had read the source to its end.
    pub(super) ended: bool,
}

/// The memory budget is counted in KiB, because a semaphore has no room for bytes.
pub(super) const BUDGET_UNIT: u64 = 1 << 10;

impl<C> Shared<C> {
    pub(super) fn new(plan: Plan<C>, context: C, options: RunOptions) -> Self {
        let Plan { outline, source, steps, loader } = plan;
        let span = tracing::info_span!("run", pipeline = outline.name, run_id = %options.run_id);
        let stop = StopHandle::default();
        let spares = Arc::new(Spares::default());
        let effects = Arc::<OnceLock<Arc<Effects>>>::default();
        let retry_budget = Arc::new(RetryBudget::new(options.retry_budget));
        let metrics = Arc::new(Metrics::new(outline.stages.len()));
        let stages = outline
            .stages
            .iter()
            .zip(&options.stages)
            .enumerate()
            .map(|(index, (definition, settings))| Stage {
                index,
                definition: *definition,
                settings: settings.clone(),
                calls: Arc::new(Semaphore::new(settings.concurrency.clamp(1, Semaphore::MAX_PERMITS))),
                pace: settings.rate.map(Pace::new),
                effects: Arc::clone(&effects),
                spares: Arc::clone(&spares),
                can_reject: options.dead_letter.is_some(),
                abort: stop.abort.clone(),
                drain: stop.drain.clone(),
                retry_budget: Arc::clone(&retry_budget),
                metrics: Arc::clone(&metrics),
                busy: AtomicUsize::new(0),
                span: tracing::info_span!(parent: &span, "stage", stage = definition.name),
            })
            .collect();
        let units = usize::try_from(options.memory.div_ceil(BUDGET_UNIT)).unwrap_or(usize::MAX);
        Self {
            metrics,
            budget: Arc::new(Semaphore::new(units.clamp(1, Semaphore::MAX_PERMITS))),
            starving: AtomicBool::new(false),
            starves: Notify::new(),
            trains: Trains::new(outline.stages.len()),
            followed: OnceLock::new(),
            marker: OnceLock::new(),
            context,
            outline,
            options,
            stages,
            source,
            steps,
            loader,
            stop,
            source_info: Arc::default(),
            effects,
            span,
            compensated: Mutex::default(),
            failure: Mutex::default(),
        }
    }

    /// The loader's place among the stages.
    pub(super) fn loader_index(&self) -> usize {
        self.stages.len() - 1
    }

    /// How many records the smallest batch has that records wait or are committed together in.
    pub(super) fn smallest_batch(&self) -> usize {
        let waits = |stage: &&Stage| {
            let definition = &stage.definition;
            definition.role == Role::Loader || (definition.is_async && definition.role != Role::Extractor && !definition.takes.is_batch())
        };
        self.stages.iter().filter(waits).map(|stage| stage.settings.batch.max(1)).min().unwrap_or(usize::MAX)
    }

    /// The first error decides; it stops everything.
    pub(super) fn fail(&self, error: Error) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        if failure.is_none() {
            tracing::error!(parent: &self.span, error = %error, kind = error.kind().as_str(), code = error.code(), "the run fails");
            *failure = Some(error);
        }
        drop(failure);
        self.stop.abort();
    }

    /// As [`Shared::fail`], for what is worse than whatever happened before: that becomes its cause.
    pub(super) fn fail_worse(&self, error: Error) {
        let earlier = self.take_failure();
        self.fail(match earlier {
            Some(earlier) => error.caused_by(format!("the run had failed: {earlier}")),
            None => error,
        });
    }

    /// The code of what made the run fail.
    pub(super) fn failure_code(&self) -> Option<&'static str> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(Error::code)
    }

    /// What became of the effects that are not committed.
    pub(super) fn compensated(&self) -> MutexGuard<'_, Compensated> {
        self.compensated.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a stage has effects that can be undone.
    pub(super) fn compensates(&self) -> bool {
        self.stages.iter().any(|stage| stage.definition.options.compensates)
    }

    pub(super) fn failed(&self) -> bool {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    pub(super) fn take_failure(&self) -> Option<Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Adds a stage's work on one batch to the metrics, stops the run where it must be stopped, and
    /// gives back what goes to the dead letters.
    pub(super) fn record(&self, stage: usize, tally: Tally, busy: std::time::Duration) -> Vec<Excluded> {
        self.metrics.add(stage, &tally.counts, tally.retries, tally.worked_on(), busy);
        self.heed(tally.failure, &tally.excluded);
        tally.excluded
    }

    /// Stops the run where what happened is a reason to.
    pub(super) fn heed(&self, failure: Option<Error>, excluded: &[Excluded]) {
        if let Some(error) = failure {
            self.fail(error);
        }
        if !excluded.is_empty() {
            self.watch(false);
        }
    }

    /// The batch is given up with the run before stage `stage` worked on it.
    pub(super) fn give_up(&self, stage: usize, records: usize) {
        let mut tally = Tally::default();
        tally.give_up(records);
        self.record(stage, tally, std::time::Duration::ZERO);
    }

    /// Stops the run when it has more errors than it tolerates.
    pub(super) fn watch(&self, ended: bool) {
        let before = self.followed.get().map_or_else(Totals::default, |followed| followed.totals);
        let errors = self.metrics.errors() + before.skipped + before.rejected;
        let records = self.metrics.extracted() + before.extracted;
        let threshold = &self.options.threshold;
        if threshold.passed(errors, records, ended) {
            self.too_many_errors(format!("{errors} errors in {records} records are more than the threshold of {threshold}"));
        }
    }

    /// Stops the run when more errors than it tolerates follow each other in the source.
    pub(super) fn watch_rows(&self, rows: &ErrorRows) {
        if self.options.threshold.passed_in_a_row(rows.longest()) {
            let threshold = &self.options.threshold;
            self.too_many_errors(format!("{} errors in a row are more than the threshold of {threshold}", rows.longest()));
        }
    }

    fn too_many_errors(&self, message: String) {
        self.fail(
            Error::new(ErrorKind::ThresholdExceeded, message)
                .hint("see the reasons in the report and the dead letters; mend the source, or raise `error_threshold`"),
        );
    }
}

/// The ways out of a segment.
pub(super) struct Ports {
    pub(super) letters: Postbox,
    pub(super) pool: Arc<CpuPool>,
}
