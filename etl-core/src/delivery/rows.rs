//! Errors in a row: which records of the source, one directly behind the other, were skipped or
//! rejected.
//!
//! A row is a stretch of numbers, so it is the same in whatever order stages that work side by side
//! come upon its records, and however often a record is read again after a restart.

use std::collections::BTreeMap;
use std::ops::Range;

use super::intervals::Intervals;

/// The rows of errors that are known, none of which touches another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorRows {
    /// The end of each row by its start.
    rows: BTreeMap<u64, u64>,
    /// The longest row there has been.
    longest: Range<u64>,
}

impl ErrorRows {
    /// More rows are not remembered: the first of them is far behind all records under way.
    pub const MOST: usize = 1 << 16;

    /// Those that were written down.
    #[must_use]
    pub fn of(written: &[Range<u64>]) -> Self {
        let mut rows = Self::default();
        written.iter().for_each(|row| rows.insert(row.clone()));
        rows
    }

    /// Adds records that are errors. An error that is added twice is one.
    pub fn insert(&mut self, errors: Range<u64>) {
        if errors.is_empty() {
            return;
        }
        let mut row = errors;
        // Those that overlap or touch it are one with it.
        while let Some((&start, &end)) = self.rows.range(..=row.end).next_back().filter(|(_, end)| **end >= row.start) {
            self.rows.remove(&start);
            row = row.start.min(start)..row.end.max(end);
        }
        if row.end - row.start > self.longest() {
            self.longest = row.clone();
        }
        self.rows.insert(row.start, row.end);
        if self.rows.len() > Self::MOST {
            self.rows.pop_first();
        }
    }

    /// How many errors the longest row has.
    #[must_use]
    pub fn longest(&self) -> u64 {
        self.longest.end - self.longest.start
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// What a later run must know when the records in `done` are done: the rows that the next record
    /// may make longer, and the longest one.
    #[must_use]
    pub fn to_write(&self, done: &Intervals) -> Vec<Range<u64>> {
        let mut kept: Vec<_> = Vec::new();
        for (range, _) in done.iter() {
            let from_start = self.rows.get(&range.start).map(|end| range.start..*end);
            let to_end = self.rows.range(..range.end).next_back().filter(|(_, end)| **end == range.end).map(|(start, end)| *start..*end);
            kept.extend(from_start.into_iter().chain(to_end));
        }
        kept.extend((self.longest() > 0).then(|| self.longest.clone()));
        kept.sort_unstable_by_key(|row| row.start);
        kept.dedup();
        kept
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::contract::position::Cursor;
    use crate::contract::target::Entry;
    use crate::delivery::progress::Progress;
    use crate::delivery::tracker::{Coverage, Stored, Tracker};
    use crate::observe::metrics::Counts;
    use crate::observe::sample::outline;

    /// The longest row, counted one by one.
    fn by_hand(outcomes: &[bool]) -> u64 {
        outcomes.split(|error| !error).map(<[bool]>::len).max().unwrap_or(0) as u64
    }

    fn progress() -> Progress {
        Progress::new(&outline().stages, "run", "numbers", None)
    }

    fn coverage(range: Range<u64>, outcomes: &[bool]) -> Coverage {
        let errors = range.clone().filter(|at| outcomes[*at as usize]).collect();
        Coverage { end: Cursor::record(range.end), ranges: vec![range], errors, ..Coverage::default() }
    }

    #[test]
    fn no_more_is_remembered_than_there_is_room_for() {
        let mut rows = ErrorRows::default();
        rows.insert(0..9);
        for at in 0..2 * ErrorRows::MOST as u64 {
            rows.insert(20 + 2 * at..21 + 2 * at);
        }
        assert_eq!((rows.rows.len(), rows.longest()), (ErrorRows::MOST, 9));
    }

    proptest! {
        #[test]
        fn in_any_order_the_longest_row_is_that_of_the_source(
            outcomes in prop::collection::vec(prop::bool::weighted(0.7), 0..80),
            seed in any::<u64>(),
        ) {
            let mut errors: Vec<u64> = (0..outcomes.len() as u64).filter(|at| outcomes[*at as usize]).collect();
            fastrand::Rng::with_seed(seed).shuffle(&mut errors);
            let mut rows = ErrorRows::default();
            for at in errors.iter().chain(&errors) {
                rows.insert(*at..at + 1);
            }
            prop_assert_eq!(rows.longest(), by_hand(&outcomes));
        }

        /// I4: parcels are committed in any order, and after each commit the process is killed. The
        /// run that reads the rest finds the row that an uninterrupted one finds.
        #[test]
        fn a_restart_at_every_commit_does_not_break_a_row(
            outcomes in prop::collection::vec(prop::bool::weighted(0.8), 1..60),
            length in 1_u64..9,
            seed in any::<u64>(),
        ) {
            let all = outcomes.len() as u64;
            let mut parcels: Vec<_> = (0..all).step_by(length as usize).map(|at| coverage(at..all.min(at + length), &outcomes)).collect();
            fastrand::Rng::with_seed(seed).shuffle(&mut parcels);
            let mut tracker = Tracker::new("numbers@0", 0, progress());
            let mut ledger: Vec<Entry> = Vec::new();
            for committed in 0..=parcels.len() {
                let stored = Stored::of_ledger(ledger.clone()).unwrap();
                let (done, written) = stored.into_iter().next().map_or_else(Default::default, |stored| (stored.done, stored.progress.error_rows));
                let mut resumed = ErrorRows::of(&written);
                for at in done.missing(0..all).into_iter().flatten().filter(|at| outcomes[*at as usize]) {
                    resumed.insert(at..at + 1);
                }
                prop_assert_eq!(resumed.longest(), by_hand(&outcomes), "killed behind {} commits", committed);
                let Some(parcel) = parcels.get(committed) else { break };
                let proposal = tracker.propose([parcel], &Counts::default(), &[]);
                ledger.extend(proposal.receipt().entries.iter().cloned());
                tracker.settle(proposal);
                // The tracker itself is one that goes on from what was written down.
                let stored = Stored::of_ledger(ledger.clone()).unwrap().remove(0);
                let mut next = progress();
                next.error_rows.clone_from(&stored.progress.error_rows);
                next.totals = stored.progress.totals;
                tracker = Tracker::going_on(stored, next);
            }
        }
    }
}
