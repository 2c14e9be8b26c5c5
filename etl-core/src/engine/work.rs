//! The bookkeeping of one stage over one batch: what goes on, what does not, and what came from
//! which input. Every runner settles each record here exactly once, which is what makes the sums
//! of the report hold (I3).

#![allow(missing_debug_implementations, reason = "machinery that appears in sealed signatures and is never printed")]

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::effects::Effects;
use super::options::StageSettings;
use super::pace::Pace;
use super::parcel::Excluded;
use super::retry::RetryBudget;
use super::spares::Spares;
use super::stop::Abort;
use crate::contract::error::{Class, Error, ErrorKind, StageError};
use crate::contract::needs::Needs;
use crate::contract::record::Record;
use crate::contract::source::Origin;
use crate::contract::stage::{Guard, Role, StageDefinition, Takes, Transform, Violations};
use crate::observe::metrics::{Counts, Metrics};

/// A stage's place in a run.
pub struct Stage {
    pub(crate) index: usize,
    pub(crate) definition: StageDefinition,
    pub(crate) settings: StageSettings,
    /// Permits for calls of an async function, over all batches.
    pub(crate) calls: Arc<Semaphore>,
    /// Keeps it to its rate, where it has one.
    pub(crate) pace: Option<Pace>,
    /// Whether a rejected record has somewhere to go.
    pub(crate) can_reject: bool,
    /// The run is given up.
    pub(crate) abort: Abort,
    /// The run is to read no further.
    pub(crate) drain: CancellationToken,
    pub(crate) span: tracing::Span,
    /// Where it is written down what it does outside of the process; set before any record moves where a
    /// stage has effects that can be undone.
    pub(crate) effects: Arc<OnceLock<Arc<Effects>>>,
    /// The retries of the run; all stages share them.
    pub(crate) retry_budget: Arc<RetryBudget>,
    /// The counters of the run.
    pub(crate) metrics: Arc<Metrics>,
    /// How many batches it works on right now.
    pub(crate) busy: AtomicUsize,
    /// Vectors for its records; all stages of a run share them.
    pub(crate) spares: Arc<Spares>,
}

/// A stage at work, until this is dropped.
pub(crate) struct Busy<'s>(&'s AtomicUsize);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Stage {
    /// Says that it works on a batch of so many records, so that one that never returns can be named.
    pub(crate) fn enter(&self, records: usize) -> Busy<'_> {
        if self.settings.retries > 0 {
            let calls_records = matches!(self.definition.role, Role::Transform | Role::Filter) && !self.definition.takes.is_batch();
            self.retry_budget.earn(if calls_records { records } else { 1 });
        }
        self.busy.fetch_add(1, Relaxed);
        Busy(&self.busy)
    }

    /// Waits before the next attempt, and no longer than the run is wanted.
    pub(crate) async fn pause(&self, pause: Duration) {
        tokio::select! {
            biased;
            () = self.abort.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }

    /// Waits until `records` may pass at the stage's rate, and no longer than the run is wanted.
    pub(crate) async fn keep_pace(&self, records: usize) {
        let Some(pace) = &self.pace else { return };
        let begin = pace.reserve(records);
        tokio::select! {
            biased;
            () = self.abort.cancelled() => {}
            () = tokio::time::sleep_until(begin) => {}
        }
    }

    /// As [`Stage::pause`], on a CPU worker: in short steps.
    pub(crate) fn pause_worker(&self, pause: Duration) {
        const STEP: Duration = Duration::from_millis(50);
        let mut left = pause;
        while !left.is_zero() && !self.abort.is_cancelled() {
            let step = left.min(STEP);
            std::thread::sleep(step);
            left -= step;
        }
    }

    pub(crate) fn error_kind(&self) -> ErrorKind {
        match self.definition.role {
            Role::Extractor => ErrorKind::Extraction,
            Role::Transform | Role::Filter => ErrorKind::Transformation,
            Role::Loader => ErrorKind::Load,
        }
    }

    /// What an error of class `class` comes to here: without dead letters a rejection stops the run.
    pub(crate) fn effective(&self, class: Class) -> Class {
        if class == Class::Reject && !self.can_reject { Class::Fail } else { class }
    }

    /// The error that stops the run at this stage.
    pub(crate) fn failure(&self, error: Error) -> Error {
        let rejected_nowhere = error.class() == Class::Reject;
        let no_retry_left = error.class() == Class::Retry && self.settings.retries > 0 && self.retry_budget.is_used_up();
        let error = error.with_class(Class::Fail).in_stage(self.definition.name, self.error_kind());
        if rejected_nowhere && error.advice().is_none() {
            error.hint("give the pipeline a `dead_letter: file(…)` to set such records aside and go on")
        } else if no_retry_left {
            error.hint("the run has used up its retries: too many calls fail; `pipeline.retry_budget` is the share of calls that may be tried again")
        } else {
            error
        }
    }
}

/// What a stage did to one batch.
#[derive(Default)]
pub struct Tally {
    pub(crate) counts: Counts,
    pub(crate) retries: u64,
    pub(crate) batches: u64,
    pub(crate) excluded: Vec<Excluded>,
    /// Why the run stops here.
    pub(crate) failure: Option<Error>,
    /// The run was given up before every record of the batch was worked on.
    pub(crate) given_up: bool,
    /// The index in the origin of the record that is being worked on, for a panic.
    pub(crate) at: u32,
}

impl Tally {
    /// How many batches were worked on.
    pub(crate) fn worked_on(&self) -> u64 {
        if self.given_up { 0 } else { self.batches.max(1) }
    }

    /// The batch stops the run: one record failed, and of the others nothing is committed.
    pub(crate) fn fail(&mut self, entered: usize, error: Error) {
        let entered = entered as u64;
        self.counts = Counts { entered, failed: entered.min(1), unfinished: entered.saturating_sub(1), ..Counts::default() };
        self.excluded.clear();
        self.failure = Some(error);
    }

    /// The loader stops the run, or is given up with it: what it has settled stays settled, because
    /// the target has it; `failed` and all others do not go on.
    fn end_load(&mut self, failed: u64) {
        let counts = &mut self.counts;
        counts.failed = failed;
        let settled = counts.out + counts.filtered + counts.skipped + counts.rejected + failed;
        counts.unfinished = (counts.entered + counts.made).saturating_sub(settled);
    }

    /// The batch is given up with the run.
    pub(crate) fn give_up(&mut self, entered: usize) {
        self.counts = Counts { entered: entered as u64, unfinished: entered as u64, ..Counts::default() };
        self.excluded.clear();
        self.given_up = true;
    }
}

/// One stage at work on one batch.
pub(crate) struct Work<'w, Out> {
    pub(crate) stage: &'w Stage,
    pub(crate) tally: &'w mut Tally,
    pub(crate) out: Vec<Out>,
    origin: &'w dyn Origin,
    inputs: Option<&'w [u32]>,
    /// The origin's index of each record of `out`, once that is not the one at its own place.
    out_inputs: Option<Vec<u32>>,
    source_has_bytes: bool,
    /// The input at which the next slice of `batch` records begins.
    boundary: usize,
}

/// What the rules on a stage's output are lent.
pub(crate) type RulesLent<'a, S> = <<<S as Transform>::OutputGuard as Guard<<S as Transform>::Out>>::Needs as Needs>::Lent<'a>;

/// The batch cannot go on; the tally says why.
pub(crate) struct Stopped;

impl<'w, Out> Work<'w, Out> {
    pub(crate) fn new(stage: &'w Stage, tally: &'w mut Tally, origin: &'w dyn Origin, inputs: Option<&'w [u32]>, entered: usize) -> Self {
        tally.counts.entered = entered as u64;
        let source_has_bytes = entered > 0 && origin.payload(inputs.map_or(0, |inputs| inputs[0])).is_some();
        Self { stage, tally, out: Vec::new(), origin, inputs, out_inputs: None, source_has_bytes, boundary: 0 }
    }

    /// With room in `out` for one record of each input.
    pub(crate) fn with_room(mut self) -> Self
    where
        Out: Send + 'static,
    {
        self.out = self.stage.spares.take();
        self.out.reserve(usize::try_from(self.tally.counts.entered).unwrap_or(0));
        self
    }

    /// The origin's index of the stage's input `index`.
    #[inline]
    pub(crate) fn input(&self, index: usize) -> u32 {
        self.inputs.map_or(index as u32, |inputs| inputs[index])
    }

    /// Says which input is worked on next; `false` where the run has been given up, which is looked
    /// at once in `batch` records.
    #[inline]
    pub(crate) fn begin(&mut self, index: usize) -> bool {
        self.tally.at = self.input(index);
        index < self.boundary || self.begin_slice(index).map(|boundary| self.boundary = boundary).is_some()
    }

    /// Looks whether the run goes on; if so, gives back the input at which to look again.
    #[cold]
    pub(crate) fn begin_slice(&mut self, index: usize) -> Option<usize> {
        self.tally.batches += 1;
        if self.aborted() {
            self.give_up();
            return None;
        }
        Some(index + self.stage.settings.batch.max(1))
    }

    /// The number of input `index` in the source.
    pub(crate) fn ordinal(&self, index: usize) -> u64 {
        self.origin.position(self.input(index)).ordinal
    }

    /// The input that is being worked on, where inputs are numbered from 0.
    pub(crate) fn at(&self) -> usize {
        self.tally.at as usize
    }

    /// Says which input is to blame, whatever happens next.
    #[inline]
    pub(crate) fn blame(&mut self, index: usize) {
        self.tally.at = self.input(index);
    }

    /// The records that go on, and the origin's index of each, where that has changed.
    pub(crate) fn finish(self) -> (Vec<Out>, Option<Vec<u32>>) {
        (self.out, self.out_inputs)
    }

    /// Input `index` has become what was appended to `out` since it had `before` records.
    #[inline]
    pub(crate) fn settle(&mut self, index: usize, before: usize) {
        let now = self.out.len();
        let counts = &mut self.tally.counts;
        match now - before {
            1 => counts.out += 1,
            0 => counts.filtered += 1,
            many => {
                counts.out += many as u64;
                counts.made += many as u64 - 1;
            }
        }
        self.note(index, before);
    }

    /// Input `index` has become what was appended since, of which the rules keep some.
    pub(crate) fn settle_checked<G: Guard<Out>>(
        &mut self,
        index: usize,
        before: usize,
        rules: <G::Needs as Needs>::Lent<'_>,
    ) -> ControlFlow<Stopped>
    where
        Out: Record,
    {
        let emitted = self.out.len() - before;
        if emitted == 0 {
            self.tally.counts.filtered += 1;
            return ControlFlow::Continue(());
        }
        self.tally.counts.made += emitted as u64 - 1;
        let mut place = before;
        for _ in 0..emitted {
            match G::check(rules, &self.out[place]) {
                Ok(()) => {
                    self.tally.counts.out += 1;
                    place += 1;
                }
                Err(violations) => {
                    let record = self.out.remove(place);
                    let shown = self.show(&record);
                    self.invalid(index, &violations, shown)?;
                }
            }
        }
        self.note(index, before);
        ControlFlow::Continue(())
    }

    /// What [`Work::finish`] gives back, where each input became at most one of `out`: those at
    /// `places`, or all. None of them where the batch stops the run. Whatever has no other fate was
    /// filtered.
    pub(crate) fn finish_one_each(self, mut out: Vec<Out>, mut places: Option<Vec<u32>>) -> (Vec<Out>, Option<Vec<u32>>) {
        if self.tally.failure.is_some() || self.tally.given_up {
            out.clear();
            return (out, None);
        }
        let counts = &mut self.tally.counts;
        counts.out = out.len() as u64;
        counts.filtered = counts.entered - counts.out - counts.skipped - counts.rejected;
        if let (Some(places), Some(inputs)) = (&mut places, self.inputs) {
            for place in places {
                *place = inputs[*place as usize];
            }
        }
        (out, places)
    }

    /// So many inputs are in the target.
    pub(crate) fn loaded(&mut self, records: usize) {
        self.tally.counts.out += records as u64;
    }

    /// Input `index` does not go on.
    pub(crate) fn filter(&mut self) {
        self.tally.counts.filtered += 1;
    }

    fn note(&mut self, index: usize, before: usize) {
        let now = self.out.len();
        if self.out_inputs.is_none() {
            if before == index && now == before + 1 {
                return;
            }
            self.out_inputs = Some((0..before).map(|earlier| self.input(earlier)).collect());
        }
        let input = self.input(index);
        if let Some(out_inputs) = &mut self.out_inputs {
            out_inputs.resize(now, input);
        }
    }

    /// The record as JSON, if that is all a dead letter could hold.
    #[inline]
    pub(crate) fn show<T: Record>(&self, record: &T) -> Option<Vec<u8>> {
        if self.source_has_bytes || !self.stage.can_reject {
            return None;
        }
        let mut json = Vec::new();
        record.to_json(&mut json).then_some(json)
    }

    /// Whether a record that is given away must be shown first, lest nothing is left of it.
    pub(crate) fn must_show(&self) -> bool {
        !self.source_has_bytes && self.stage.can_reject && self.stage.definition.classes.contains(Class::Reject)
    }

    /// Input `index` broke rules.
    pub(crate) fn invalid(&mut self, index: usize, violations: &Violations, shown: Option<Vec<u8>>) -> ControlFlow<Stopped> {
        let class = self.stage.effective(self.stage.definition.options.invalid_class());
        let column = violations.0.first().map(|violation| violation.field.clone());
        match class {
            Class::Skip | Class::Reject => {
                self.exclude(index, class, ErrorKind::Validation, "validation", column, Cow::Owned(violations.to_string()), 1, shown);
                ControlFlow::Continue(())
            }
            Class::Retry | Class::Fail => {
                let error =
                    Error::new(ErrorKind::Validation, violations.to_string()).with_class(self.stage.definition.options.invalid_class());
                self.stop(index, error)
            }
        }
    }

    /// Input `index` ended in an error, after so many attempts.
    pub(crate) fn error<E: StageError>(&mut self, index: usize, error: &E, attempts: u32, shown: Option<Vec<u8>>) -> ControlFlow<Stopped> {
        let mut class = self.stage.effective(error.class());
        // A class that the error's type did not announce: the record was given away, and nothing
        // is left of it to set aside.
        let given_away = matches!(self.stage.definition.takes, Takes::Record | Takes::Batch);
        if class == Class::Reject && given_away && shown.is_none() && !self.source_has_bytes && !self.must_show() {
            class = Class::Fail;
        }
        match class {
            Class::Skip | Class::Reject => {
                self.exclude(index, class, self.stage.error_kind(), error.code(), None, error.message(), attempts, shown);
                ControlFlow::Continue(())
            }
            // Retries that are used up never turn good records into dead letters.
            Class::Retry | Class::Fail => self.stop(index, Error::from_stage(error, ErrorKind::Other).after(attempts)),
        }
    }

    /// Input `index` stops the run.
    pub(crate) fn stop(&mut self, index: usize, error: Error) -> ControlFlow<Stopped> {
        let error = error.at(self.origin.position(self.input(index)));
        let failure = self.stage.failure(error);
        if self.stage.definition.role == Role::Loader {
            self.tally.end_load(1);
            self.tally.failure = Some(failure);
        } else {
            let entered = usize::try_from(self.tally.counts.entered).unwrap_or(usize::MAX);
            self.tally.fail(entered, failure);
        }
        ControlFlow::Break(Stopped)
    }

    /// The batch stops the run, and no record of it is to blame.
    pub(crate) fn stop_anywhere(&mut self, error: Error) -> ControlFlow<Stopped> {
        self.tally.end_load(1);
        self.tally.failure = Some(self.stage.failure(error));
        ControlFlow::Break(Stopped)
    }

    #[allow(clippy::too_many_arguments, reason = "the columns of a side list")]
    fn exclude(
        &mut self,
        index: usize,
        class: Class,
        kind: ErrorKind,
        code: &'static str,
        column: Option<Cow<'static, str>>,
        message: Cow<'static, str>,
        attempts: u32,
        shown: Option<Vec<u8>>,
    ) {
        if class == Class::Skip {
            self.tally.counts.skipped += 1;
        } else {
            self.tally.counts.rejected += 1;
        }
        self.tally.excluded.push(Excluded { input: self.input(index), class, kind, code, column, message, attempts, shown });
    }

    /// The run was given up before every record was worked on: none of the batch goes on.
    pub(crate) fn give_up(&mut self) {
        if self.stage.definition.role == Role::Loader {
            self.tally.end_load(0);
            return;
        }
        let entered = usize::try_from(self.tally.counts.entered).unwrap_or(usize::MAX);
        self.tally.give_up(entered);
    }

    /// Whether the run is given up.
    pub(crate) fn aborted(&self) -> bool {
        self.stage.abort.is_cancelled()
    }
}
