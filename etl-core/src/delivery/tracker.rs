//! Follows a run from commit to commit: what a transaction holds is added to what is done when, and
//! only when, it is known to be committed.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::checkpoint::Checkpoint;
use super::intervals::Intervals;
use super::progress::{Progress, StageMark};
use super::rows::ErrorRows;
use crate::contract::error::{Error, ErrorKind, Result};
use crate::contract::position::Cursor;
use crate::contract::source::Identity;
use crate::contract::target::{Entry, Receipt};
use crate::mutants;
use crate::observe::metrics::Counts;

/// Behind the name of a partition: of its records that were rejected at first, those that have been
/// replayed.
const REPLAY: &str = "!replay";

/// The part of the source that travels together from the reader to the loader: none of it is done
/// before all of it is.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// The records of it, by number; those that were done before are left out.
    pub ranges: Vec<Range<u64>>,
    /// Where the record behind the last range starts.
    pub end: Cursor,
    /// What the stages before the loader made of them.
    pub counts: Counts,
    /// The numbers of the records that they skipped or rejected.
    pub errors: Vec<u64>,
    /// What stages that keep state remember now, by their place in the flow.
    pub states: Vec<(usize, Arc<str>)>,
    /// In a replay: the records of it that were rejected again, and so are not done.
    pub rejected: Vec<u64>,
}

impl Coverage {
    /// How many records of the source it covers.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.ranges.iter().map(|range| range.end - range.start).sum()
    }
}

/// How far a run has come.
#[derive(Clone, Debug)]
pub struct Tracker {
    partition: Arc<str>,
    done: Intervals,
    replayed: Intervals,
    /// What is committed was rejected at first.
    replays: bool,
    sequence: u64,
    progress: Progress,
}

/// What a tracker will be once a transaction is committed.
#[derive(Debug)]
pub struct Proposal {
    receipt: Receipt,
    progress: Progress,
}

impl Proposal {
    /// For the target's ledger.
    #[must_use]
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }
}

impl Tracker {
    /// Of a run that begins at the beginning of `partition`, behind the transaction `sequence`.
    #[must_use]
    pub fn new(partition: impl Into<Arc<str>>, sequence: u64, progress: Progress) -> Self {
        let (done, replayed) = (Intervals::default(), Intervals::default());
        Self { partition: partition.into(), done, replayed, replays: false, sequence, progress }
    }

    /// Of a run that goes on from `stored`.
    #[must_use]
    pub fn going_on(stored: Stored, progress: Progress) -> Self {
        let Stored { partition, done, replayed, sequence, .. } = stored;
        Self { partition, done, replayed, replays: false, sequence, progress }
    }

    /// Of a run that loads again what was rejected of `stored`.
    #[must_use]
    pub fn replaying(stored: Stored) -> Self {
        let progress = stored.progress.clone();
        Self { replays: true, ..Self::going_on(stored, progress) }
    }

    /// Whether what it loads was rejected at first.
    #[must_use]
    pub fn replays(&self) -> bool {
        self.replays
    }

    /// The part of the source, over all runs.
    #[must_use]
    pub fn partition(&self) -> &Arc<str> {
        &self.partition
    }

    /// Which records are done.
    #[must_use]
    pub fn done(&self) -> &Intervals {
        &self.done
    }

    /// Which records are done of those that this run is about: all, or those that are loaded again.
    #[must_use]
    pub fn reached(&self) -> &Intervals {
        if self.replays { &self.replayed } else { &self.done }
    }

    /// What else is known.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// What it comes to when a transaction is committed that holds all of `covered`, in which the
    /// loader counted `loaded` and left out the records `errors`.
    #[must_use]
    pub fn propose<'c>(&self, covered: impl IntoIterator<Item = &'c Coverage>, loaded: &Counts, errors: &[u64]) -> Proposal {
        let mut progress = self.progress.clone();
        progress.ended &= self.replays;
        let sequence = self.sequence.saturating_add(1);
        let mut done = Intervals::default();
        let mut rows = ErrorRows::of(&progress.error_rows);
        // A replay knows nothing of the records between those that it reads.
        errors.iter().filter(|_| !self.replays).for_each(|at| rows.insert(*at..at + 1));
        let totals = &mut progress.totals;
        for (place, coverage) in covered.into_iter().enumerate() {
            if mutants::active("coverage_of_half_batch") && place % 2 == 1 {
                continue;
            }
            if self.replays {
                // What was rejected again waits for the next replay.
                let is_done = |ordinal: &u64| !coverage.rejected.contains(ordinal);
                for ordinal in coverage.ranges.iter().cloned().flatten().filter(is_done) {
                    done.insert(ordinal..ordinal + 1, Cursor::record(ordinal + 1));
                }
                totals.rejected = totals.rejected.saturating_sub(coverage.records());
                add(totals, &coverage.counts);
                remember(&mut progress.stages, &coverage.states);
                continue;
            }
            coverage.errors.iter().for_each(|at| rows.insert(*at..at + 1));
            for (index, range) in coverage.ranges.iter().enumerate() {
                // Behind a range that is not the last one there is one that was done before: where that
                // ends is known, and the two become one.
                let last = index + 1 == coverage.ranges.len();
                let end = if last && coverage.end.ordinal == range.end { coverage.end } else { Cursor::record(range.end) };
                done.insert(range.clone(), end);
            }
            totals.extracted = totals.extracted.saturating_add(coverage.records());
            add(totals, &coverage.counts);
            remember(&mut progress.stages, &coverage.states);
        }
        add(totals, loaded);
        totals.loaded = totals.loaded.saturating_add(loaded.out);
        if !rows.is_empty() {
            let mut then = self.done.clone();
            done.iter().for_each(|(range, end)| then.insert(range, end));
            progress.error_rows = rows.to_write(&then);
        }
        let receipt = self.receipt_of(&done, sequence, &progress, loaded.out);
        Proposal { receipt, progress }
    }

    /// What it comes to when the source has been read to its end and everything in it is committed.
    #[must_use]
    pub fn propose_end(&self) -> Proposal {
        let progress = Progress { ended: true, ..self.progress.clone() };
        let receipt = self.receipt_of(&Intervals::default(), self.sequence.saturating_add(1), &progress, 0);
        Proposal { receipt, progress }
    }

    /// One entry for each interval; the last of them carries what else is known.
    fn receipt_of(&self, done: &Intervals, sequence: u64, progress: &Progress, records: u64) -> Receipt {
        let known: Arc<str> = progress.written().into();
        let partition = if self.replays { format!("{}{REPLAY}", self.partition).into() } else { Arc::clone(&self.partition) };
        let mut entries: Vec<_> = done.iter().map(|(range, end)| Entry::new(Arc::clone(&partition), range, end, sequence, None)).collect();
        if let Some(last) = entries.last_mut() {
            last.progress = Some(Arc::clone(&known));
        }
        if self.replays || entries.is_empty() {
            let at = self.done.low();
            entries.push(Entry::new(Arc::clone(&self.partition), at.ordinal..at.ordinal, at, sequence, Some(known)));
        }
        Receipt::new(entries, records)
    }

    /// The transaction is committed.
    pub fn settle(&mut self, proposal: Proposal) {
        let done = if self.replays { &mut self.replayed } else { &mut self.done };
        for Entry { range, end, sequence, .. } in proposal.receipt.entries {
            done.insert(range, end);
            self.sequence = sequence;
        }
        self.progress = proposal.progress;
    }

    /// As a checkpoint, with what the target says of itself, before it is published or behind that.
    #[must_use]
    pub fn checkpoint(&self, pipeline: &str, target: &str, mark: Option<String>, published: bool) -> Checkpoint {
        Checkpoint {
            pipeline: pipeline.to_owned(),
            partition: self.partition.to_string(),
            target: target.to_owned(),
            sequence: self.sequence,
            done: self.done.clone(),
            replayed: self.replayed.clone(),
            progress: self.progress.clone(),
            mark,
            published,
        }
    }
}

fn remember(stages: &mut [StageMark], states: &[(usize, Arc<str>)]) {
    for (stage, state) in states {
        if let Some(mark) = stages.get_mut(*stage) {
            mark.state = Some(state.to_string());
        }
    }
}

/// Totals that were read may be as large as they like: the sum stays at the largest.
fn add(totals: &mut crate::observe::report::Totals, counts: &Counts) {
    totals.made = totals.made.saturating_add(counts.made);
    totals.filtered = totals.filtered.saturating_add(counts.filtered);
    totals.skipped = totals.skipped.saturating_add(counts.skipped);
    totals.rejected = totals.rejected.saturating_add(counts.rejected);
}

/// What is known of one part of a source, from a ledger or a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// Its name, over all runs.
    pub partition: Arc<str>,
    /// Which records are done.
    pub done: Intervals,
    /// Which of them were rejected at first, and have been replayed.
    pub replayed: Intervals,
    /// The sequence of the last transaction.
    pub sequence: u64,
    /// What else is known.
    pub progress: Progress,
}

impl Stored {
    /// What the entries of a ledger come to, one for each partition, the last that was written first.
    ///
    /// # Errors
    /// The ledger is damaged: entries overlap, or none says what was done ([`ErrorKind::Storage`]).
    pub fn of_ledger(mut entries: Vec<Entry>) -> Result<Vec<Self>> {
        let damaged = |what| Error::new(ErrorKind::Storage, "the ledger in the target is damaged").caused_by(what);
        entries.sort_unstable_by_key(|entry| entry.sequence);
        let mut parts: BTreeMap<Arc<str>, (Intervals, u64, Option<Progress>)> = BTreeMap::new();
        for Entry { partition, range, end, sequence, progress } in entries {
            if range.start > range.end || end.ordinal != range.end {
                return Err(damaged("an entry ends before it begins"));
            }
            let (done, last, known) = parts.entry(partition).or_default();
            if done.overlaps(&range) {
                return Err(damaged("two entries hold the same records"));
            }
            done.insert(range, end);
            *last = sequence;
            if let Some(progress) = progress {
                *known = Some(Progress::read(&progress)?);
            }
        }
        let mut replayed: BTreeMap<Arc<str>, Intervals> = BTreeMap::new();
        parts.retain(|partition, (done, ..)| match partition.strip_suffix(REPLAY) {
            Some(of) => {
                replayed.insert(of.into(), std::mem::take(done));
                false
            }
            None => true,
        });
        let stored = parts.into_iter().map(|(partition, (done, sequence, progress))| {
            let progress = progress.ok_or_else(|| damaged("no entry says what the run had done"))?;
            let replayed = replayed.remove(&partition).unwrap_or_default();
            Ok(Self { partition, done: believed(done), replayed, sequence, progress })
        });
        let mut stored = stored.collect::<Result<Vec<_>>>()?;
        stored.sort_unstable_by_key(|stored| std::cmp::Reverse(stored.sequence));
        Ok(stored)
    }

    /// Of a checkpoint.
    #[must_use]
    pub fn of_checkpoint(checkpoint: Checkpoint) -> Self {
        let Checkpoint { partition, done, replayed, sequence, progress, .. } = checkpoint;
        Self { partition: partition.into(), done: believed(done), replayed, sequence, progress }
    }
}

/// What was written down, gaps and all.
fn believed(done: Intervals) -> Intervals {
    match done.iter().last() {
        Some((_, end)) if mutants::active("high_water_mark") => Intervals::first(end),
        _ => done,
    }
}

/// Names a part of a source over all runs: by where it is, and by what it holds at first.
#[must_use]
pub fn partition_of(source: &str, identity: Option<&Identity>) -> String {
    match identity {
        None => source.to_owned(),
        Some(identity) => {
            let place = if identity.place.is_empty() { source } else { &identity.place };
            format!("{place}@{}", identity.digest.get(..12).unwrap_or(&identity.digest))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::observe::sample::outline;

    fn tracker() -> Tracker {
        Tracker::new("flights.csv@0", 0, Progress::new(&outline().stages, "run", "flights.csv", None))
    }

    fn parcel(range: Range<u64>, filtered: u64) -> Coverage {
        let end = Cursor { ordinal: range.end, byte: Some(10 * range.end), line: None };
        Coverage { ranges: vec![range], end, counts: Counts { filtered, ..Counts::default() }, ..Coverage::default() }
    }

    fn loaded(out: u64) -> Counts {
        Counts { out, ..Counts::default() }
    }

    #[test]
    fn i1_nothing_is_done_before_it_is_committed() {
        let mut tracker = tracker();
        let lost = tracker.propose(&[parcel(0..10, 1)], &loaded(9), &[]);
        assert_eq!(lost.receipt().entries.len(), 1);
        drop(lost);
        assert!(tracker.done().is_empty());
        // Out of order, and together.
        let proposal = tracker.propose(&[parcel(30..40, 2), parcel(20..30, 0)], &loaded(18), &[]);
        tracker.settle(proposal);
        assert_eq!((tracker.done().low().ordinal, tracker.done().reached()), (0, 40));
        let proposal = tracker.propose(&[parcel(0..20, 0)], &loaded(20), &[]);
        tracker.settle(proposal);
        assert_eq!(tracker.done().low(), Cursor { ordinal: 40, byte: Some(400), line: None });
        let totals = tracker.progress().totals;
        assert_eq!((totals.extracted, totals.filtered, totals.loaded), (40, 2, 38));
        let end = tracker.propose_end();
        assert_eq!(end.receipt().entries[0].range, 40..40);
        tracker.settle(end);
        assert!(tracker.progress().ended);
    }

    #[test]
    fn a_parcel_between_records_that_are_done_becomes_one_with_them() {
        let mut tracker = tracker();
        let proposal = tracker.propose(&[parcel(3..5, 0), parcel(8..10, 0)], &loaded(4), &[]);
        tracker.settle(proposal);
        let rest = Coverage { ranges: vec![0..3, 5..8], ..parcel(0..10, 0) };
        let proposal = tracker.propose(&[rest], &loaded(6), &[]);
        tracker.settle(proposal);
        assert_eq!(tracker.done().low(), Cursor { ordinal: 10, byte: Some(100), line: None });
        assert_eq!(tracker.done().len(), 1);
    }

    #[test]
    fn a_damaged_ledger_is_not_believed() {
        let progress: Arc<str> = Progress::new(&outline().stages, "run", "a", None).written().into();
        let entry = |range: Range<u64>, sequence, progress| {
            let end = Cursor::record(range.end);
            Entry::new("a".into(), range, end, sequence, progress)
        };
        assert_eq!(Stored::of_ledger(Vec::new()).unwrap(), []);
        let known = Some(Arc::clone(&progress));
        for damaged in [
            vec![entry(0..5, 1, known.clone()), entry(4..9, 2, known.clone())],
            vec![entry(0..5, 1, None)],
            vec![entry(0..5, 1, Some("{}".into()))],
            vec![Entry::new("a".into(), 0..5, Cursor::record(6), 1, known.clone())],
        ] {
            assert_eq!(Stored::of_ledger(damaged.clone()).unwrap_err().kind(), ErrorKind::Storage, "{damaged:?}");
        }
    }

    #[test]
    fn sums_of_what_was_read_do_not_overflow() {
        let mut tracker = tracker();
        let totals = &mut tracker.progress.totals;
        (totals.extracted, totals.loaded, totals.filtered) = (u64::MAX, u64::MAX, u64::MAX);
        tracker.sequence = u64::MAX;
        let proposal = tracker.propose(&[parcel(0..10, 3)], &loaded(7), &[]);
        tracker.settle(proposal);
        let totals = tracker.progress().totals;
        assert_eq!((totals.extracted, totals.loaded, totals.filtered), (u64::MAX, u64::MAX, u64::MAX));
        assert_eq!(tracker.done().count(), 10);
        assert_eq!(tracker.propose_end().receipt().entries[0].sequence, u64::MAX);
    }

    proptest! {
        /// I1, I2, I12: whatever is committed in whatever order, and wherever the process is killed, the
        /// next run knows exactly what was committed.
        #[test]
        fn i2_a_ledger_says_what_was_committed(
            order in Just((0_u64..30).collect::<Vec<_>>()).prop_shuffle(),
            taken in prop::collection::vec((1_usize..4, prop::bool::weighted(0.8)), 1..20),
            killed_at in 0_usize..20,
        ) {
            let mut tracker = tracker();
            let mut ledger: Vec<Entry> = Vec::new();
            let mut parcels = order.into_iter().map(|at| parcel(7 * at..7 * (at + 1), 1));
            let mut committed = Vec::new();
            for (count, commits) in taken.into_iter().take(killed_at) {
                let unit: Vec<_> = parcels.by_ref().take(count).collect();
                let proposal = tracker.propose(&unit, &loaded(6 * unit.len() as u64), &[]);
                // What is not committed is read again later, in this model never.
                if commits {
                    ledger.extend(proposal.receipt().entries.iter().cloned());
                    tracker.settle(proposal);
                    committed.extend(unit);
                }
            }
            let stored = Stored::of_ledger(ledger).unwrap();
            let records: u64 = committed.iter().map(Coverage::records).sum();
            match stored.first() {
                None => prop_assert_eq!(records, 0),
                Some(stored) => {
                    prop_assert_eq!(&stored.done, tracker.done());
                    prop_assert_eq!(&stored.progress, tracker.progress());
                    prop_assert_eq!(stored.done.count(), records);
                    prop_assert!(committed.iter().all(|parcel| stored.done.missing(parcel.ranges[0].clone()).is_empty()));
                    let totals = stored.progress.totals;
                    prop_assert_eq!((totals.extracted, totals.filtered + totals.loaded), (records, records));
                }
            }
        }
    }
}
