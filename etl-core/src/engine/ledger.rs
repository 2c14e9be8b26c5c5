//! What the stages of a segment have done to one train, added up before it is posted: the counters
//! of a run are shared by all of its threads, and to touch them for every batch would cost more than
//! the lightest work on it.

use std::time::Duration;

use super::parcel::Excluded;
use super::shared::Shared;
use super::work::Tally;
use crate::observe::metrics::Counts;

/// The sums of neighbouring stages; posted at the latest when it is dropped.
pub(super) struct Ledger<'s, C> {
    shared: &'s Shared<C>,
    /// The index of the first stage.
    first: usize,
    sums: Vec<Sum>,
}

#[derive(Clone, Default)]
struct Sum {
    counts: Counts,
    retries: u64,
    batches: u64,
    busy: Duration,
}

impl<'s, C> Ledger<'s, C> {
    /// For `count` stages, from that with the index `first` on.
    pub(super) fn new(shared: &'s Shared<C>, first: usize, count: usize) -> Self {
        Self { shared, first, sums: vec![Sum::default(); count] }
    }

    /// Adds what a stage did to one batch, and gives back what it left out. Errors are posted at
    /// once, because they may stop the run.
    pub(super) fn record(&mut self, stage: usize, tally: Tally, busy: Duration) -> Vec<Excluded> {
        let sum = &mut self.sums[stage - self.first];
        sum.counts.add(&tally.counts);
        sum.retries += tally.retries;
        sum.batches += tally.worked_on();
        sum.busy += busy;
        if tally.failure.is_some() || !tally.excluded.is_empty() {
            // The threshold is about all records that were read before.
            self.post();
            self.shared.heed(tally.failure, &tally.excluded);
        }
        tally.excluded
    }

    fn post(&mut self) {
        for (stage, sum) in (self.first..).zip(&mut self.sums) {
            let Sum { counts, retries, batches, busy } = std::mem::take(sum);
            self.shared.metrics.add(stage, &counts, retries, batches, busy);
        }
    }
}

impl<C> Drop for Ledger<'_, C> {
    fn drop(&mut self) {
        self.post();
    }
}
