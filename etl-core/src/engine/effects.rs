//! What the stages of a run do outside of the process, between the log of intents and the target: a
//! batch is written down before the stage is called with it, and forgotten when the target holds it.

#![allow(missing_debug_implementations, reason = "machinery that appears in sealed signatures and is never printed")]

use std::fs::File;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::contract::error::{Error, ErrorKind, Result};
use crate::contract::position::Cursor;
use crate::contract::stage::{Compensation, Transform};
use crate::delivery::intents::{Intent, IntentLog};
use crate::delivery::intervals::Intervals;
use crate::delivery::tracker::{Coverage, Stored};
use crate::engine::work::{Stage, Work};
use crate::mutants;

/// The effects of the runs of one pipeline, source and target.
pub(crate) struct Effects {
    log: Mutex<IntentLog>,
    known: Mutex<Known>,
    /// Nothing is committed before the run is published, so nothing is forgotten before.
    whole: bool,
    /// Keeps other runs out of the folder, where no checkpoint does.
    _lock: Option<File>,
}

/// What is known of the target.
#[derive(Default)]
struct Known {
    /// The part of the source that is read, over all runs.
    partition: Arc<str>,
    /// What of it the target holds, as whoever resumes will know.
    committed: Intervals,
    /// What of it the target may hold: the answer to a commit was lost.
    in_doubt: Vec<Range<u64>>,
}

/// The name of a part of the source where it is read for what was rejected of it: those records are done
/// once before their effects are made a second time.
pub(super) fn replay_of(partition: &str) -> Arc<str> {
    format!("{partition} replayed").into()
}

/// Which effects of a run that did not end well stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Those of the records that are known to be in the target.
    Committed,
    /// None: what was committed is gone.
    None,
}

impl Effects {
    /// Of the runs that write to `log`.
    pub(super) fn new(log: IntentLog, whole: bool, lock: Option<File>) -> Self {
        Self { log: Mutex::new(log), known: Mutex::default(), whole, _lock: lock }
    }

    fn log(&self) -> MutexGuard<'_, IntentLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where they are written down.
    pub(super) fn path(&self) -> PathBuf {
        self.log().path().to_owned()
    }

    /// A run begins to read `partition`, of which the target holds `done`.
    pub(super) fn begin(&self, partition: Arc<str>, done: Intervals) {
        *self.known() = Known { partition, committed: done, in_doubt: Vec::new() };
    }

    /// Whole parcels are in the target, with the entry that says so.
    pub(super) fn committed(&self, covered: &[Coverage]) {
        let ranges: Vec<_> = covered.iter().flat_map(|coverage| coverage.ranges.iter().cloned()).collect();
        let mut known = self.known();
        ranges.iter().for_each(|range| known.committed.insert(range.clone(), Cursor::record(range.end)));
        drop(known);
        self.note(ranges);
    }

    /// A checkpoint says that the target holds `done`.
    pub(super) fn reached(&self, done: &Intervals) {
        self.known().committed = done.clone();
        self.note(done.iter().map(|(range, _)| range).collect());
    }

    /// The target may hold these parcels.
    pub(super) fn doubt(&self, covered: &[Coverage]) {
        self.known().in_doubt.extend(covered.iter().flat_map(|coverage| coverage.ranges.iter().cloned()));
    }

    fn note(&self, ranges: Vec<Range<u64>>) {
        if self.whole || ranges.is_empty() {
            return;
        }
        let partition = Arc::clone(&self.known().partition);
        // Without the line the target is asked; and whoever writes the next intent fails in earnest.
        if let Err(error) = self.log().committed(&partition, ranges) {
            tracing::warn!(%error, "the log of intents does not say what is committed");
        }
    }

    /// What earlier runs did and neither the log nor the target says is committed, the newest first.
    pub(super) fn left_by_earlier_runs(&self, stored: &[Stored]) -> Result<Vec<Intent>> {
        let done = |stored: &Stored, Intent { partition, ordinal, .. }: &Intent| {
            (stored.partition == *partition && stored.done.contains(*ordinal))
                || (replay_of(&stored.partition) == *partition && stored.replayed.contains(*ordinal))
        };
        let stands = |intent: &Intent| !mutants::active("compensate_committed") && stored.iter().any(|stored| done(stored, intent));
        Ok(self.log().intents()?.open().filter(|intent| !stands(intent)).cloned().collect())
    }

    /// What this run did and is not committed, the newest first; and how many intents nobody can tell of
    /// before the target is asked again.
    pub(super) fn left_by_this_run(&self, standing: Standing) -> Result<(Vec<Intent>, u64)> {
        let intents = self.log().intents()?;
        let known = self.known();
        let mut left = 0;
        let goes = |intent: &&Intent| {
            if standing == Standing::None || mutants::active("compensate_committed") {
                return true;
            }
            let in_doubt = known.in_doubt.iter().any(|range| range.contains(&intent.ordinal));
            let committed = *intent.partition == *known.partition && known.committed.contains(intent.ordinal);
            left += u64::from(in_doubt && !committed);
            !in_doubt && !committed
        };
        let open = intents.open().filter(goes).cloned().collect();
        Ok((open, left))
    }

    /// How many intents are open.
    pub(super) fn open(&self) -> Result<u64> {
        Ok(self.log().intents()?.open().count() as u64)
    }

    /// The effect is undone: written down before the next one is.
    pub(super) fn compensated(&self, number: u64) -> Result<()> {
        self.log().compensated(number)
    }

    fn intend(&self, stage: &str, records: Vec<(u64, String)>) -> Result<u64> {
        let partition = Arc::clone(&self.known().partition);
        self.log().intend(stage, &partition, records)
    }

    /// What is open stands, and can be forgotten: unless the run is committed as a whole, and may yet be
    /// discarded as one.
    pub(super) fn settle(&self) -> Result<()> {
        if self.whole { self.log().compact() } else { self.finish() }
    }

    /// What is open stands for good.
    pub(super) fn finish(&self) -> Result<()> {
        self.log().clear()
    }
}

/// A batch that is written down, and what its calls come to. Nothing where the run is not followed,
/// which is refused before any record moves.
pub(crate) struct Intended<S: Transform> {
    effects: Option<(Arc<Effects>, Compensation<S>)>,
    first: u64,
}

impl<S: Transform> Intended<S> {
    /// Of a stage without effects that can be undone.
    pub(crate) const fn nothing() -> Self {
        Self { effects: None, first: 0 }
    }

    /// Writes down what a plain stage is about to be called with.
    pub(crate) fn write(work: &Work<'_, S::Out>, rows: &[S::In]) -> Result<Self> {
        let Some((effects, compensation)) = Self::of(work.stage) else { return Ok(Self::nothing()) };
        let records = Self::records(work, rows, &compensation)?;
        let first = effects.intend(work.stage.definition.name, records)?;
        Ok(Self { effects: Some((effects, compensation)), first })
    }

    /// Writes down what an async stage is about to be called with, on a thread that may block.
    pub(crate) async fn write_aside(work: &Work<'_, S::Out>, rows: &[S::In]) -> Result<Self> {
        let Some((effects, compensation)) = Self::of(work.stage) else { return Ok(Self::nothing()) };
        let records = Self::records(work, rows, &compensation)?;
        let (name, aside) = (work.stage.definition.name, Arc::clone(&effects));
        let written = tokio::task::spawn_blocking(move || aside.intend(name, records));
        let first = written.await.unwrap_or_else(|_lost| Err(Error::new(ErrorKind::Panicked, "writing down intents was given up")))?;
        Ok(Self { effects: Some((effects, compensation)), first })
    }

    fn of(stage: &Stage) -> Option<(Arc<Effects>, Compensation<S>)> {
        stage.effects.get().cloned().zip(S::compensation())
    }

    fn records(work: &Work<'_, S::Out>, rows: &[S::In], compensation: &Compensation<S>) -> Result<Vec<(u64, String)>> {
        rows.iter().enumerate().map(|(index, record)| Ok((work.ordinal(index), (compensation.input.write)(record)?))).collect()
    }

    /// The call with record `index` of the batch has returned.
    pub(crate) fn done(&self, index: usize, output: Option<&S::Out>) -> Result<()> {
        let Some((effects, compensation)) = &self.effects else { return Ok(()) };
        let output = output.map(|output| (compensation.output.write)(output)).transpose()?;
        effects.log().done(self.first + index as u64, output)
    }
}
