//! Whatever a ledger holds is refused, or comes to a state that a run goes on from: what it commits then is added,
//! nothing of what was done is lost, and no sum overflows.
#![no_main]

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use etl_core::ErrorKind;
use etl_core::delivery::progress::Progress;
use etl_core::delivery::rows::ErrorRows;
use etl_core::delivery::tracker::{Coverage, Stored, Tracker};
use etl_core::observe::metrics::Counts;
use etl_core::position::Cursor;
use etl_core::target::Entry;
use etl_fuzz::Choices;
use libfuzzer_sys::fuzz_target;

const PARTITIONS: [&str; 5] = ["a", "b", "a!replay", "!replay", "a!replay!replay"];

fuzz_target!(|data: &[u8]| {
    let mut choices = Choices(data);
    let written = choices.text(2_000);
    let read = Progress::read(&written);
    match &read {
        Ok(progress) => {
            assert_eq!(Progress::read(&progress.written()).ok().as_ref(), Some(progress), "it is written as it was read");
            progress.goes_on_from(progress).expect("its stages are the same");
        }
        Err(error) => assert!(matches!(error.kind(), ErrorKind::Storage | ErrorKind::Config)),
    }

    let mut entries: Vec<Entry> = Vec::new();
    let mut at = 0_u64;
    while choices.more() && entries.len() < 24 {
        let (kind, which) = (choices.byte(), choices.below(PARTITIONS.len()));
        // Behind the one before, or anywhere.
        let start = if kind & 1 == 0 { at.saturating_add(choices.number()) } else { choices.number() };
        let end = if kind & 2 == 0 { start.saturating_add(choices.number()) } else { choices.number() };
        let ordinal = if kind & 4 == 0 { end } else { choices.number() };
        let sequence = if kind & 8 == 0 { entries.len() as u64 + 1 } else { choices.number() };
        let progress: Option<Arc<str>> = match kind >> 4 & 3 {
            0 => None,
            1 => Some(written.as_str().into()),
            _ => Some(progress(&mut choices).written().into()),
        };
        at = end;
        let end_of = Cursor { ordinal, byte: choices.maybe(), line: None };
        entries.push(Entry::new(PARTITIONS[which].into(), start..end, end_of, sequence, progress));
    }
    let stored = match Stored::of_ledger(entries.clone()) {
        Ok(stored) => stored,
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::Storage | ErrorKind::Config));
            return;
        }
    };
    for part in &stored {
        let of_it: Vec<_> = entries.iter().filter(|entry| entry.partition == part.partition).collect();
        let records: u64 = of_it.iter().map(|entry| entry.range.end - entry.range.start).sum();
        assert_eq!(part.done.count(), records, "no record is lost or counted twice");
        assert!(of_it.iter().all(|entry| part.done.missing(entry.range.clone()).is_empty()));
        assert_eq!(Some(part.sequence), of_it.iter().map(|entry| entry.sequence).max());
    }
    // Rows come in no order; only two with one number may be told apart by it.
    let numbers: BTreeSet<_> = entries.iter().map(|entry| entry.sequence).collect();
    if numbers.len() == entries.len() {
        let reversed = entries.iter().rev().cloned().collect();
        assert_eq!(Stored::of_ledger(reversed).ok().as_ref(), Some(&stored));
    }
    for part in stored {
        commit(entries.clone(), part, &mut choices);
    }
});

fn progress(choices: &mut Choices<'_>) -> Progress {
    let mut progress = Progress::new(&[], "run", "source", None);
    (progress.totals.extracted, progress.totals.made, progress.totals.loaded) = (choices.number(), choices.number(), choices.number());
    (progress.totals.filtered, progress.totals.rejected) = (choices.number(), choices.number());
    progress.error_rows = (0..choices.byte() % 8).map(|_| range(choices)).collect();
    progress
}

fn range(choices: &mut Choices<'_>) -> Range<u64> {
    choices.number()..choices.number()
}

/// A run goes on from `part`, commits what it reads, and the ledger says so.
fn commit(mut entries: Vec<Entry>, part: Stored, choices: &mut Choices<'_>) {
    let (partition, progress) = (Arc::clone(&part.partition), part.progress.clone());
    let mut rows = ErrorRows::of(&progress.error_rows);
    let longest = rows.longest();
    assert_eq!(ErrorRows::of(&rows.to_write(&part.done)).longest(), longest, "the longest row is remembered");
    let wanted = range(choices);
    let ranges = part.done.missing(wanted.start..wanted.start.saturating_add(wanted.end % 500));
    let mut tracker = Tracker::going_on(part.clone(), progress);
    let Some(end) = ranges.last().map(|last| Cursor::record(last.end)) else { return };
    let errors: Vec<u64> = ranges.iter().map(|range| range.start).filter(|_| choices.flag()).collect();
    errors.iter().for_each(|error| rows.insert(*error..error + 1));
    assert!(rows.longest() >= longest);
    let counts = Counts { filtered: choices.number(), made: choices.number(), ..Counts::default() };
    let loaded = Counts { out: choices.number(), ..Counts::default() };
    let coverage = Coverage { ranges, end, counts, errors, ..Coverage::default() };
    let proposal = tracker.propose([&coverage], &loaded, &[]);
    let records = coverage.records();
    entries.extend(proposal.receipt().entries.iter().cloned());
    tracker.settle(proposal);
    assert_eq!(tracker.done().count(), part.done.count() + records);
    let again = Stored::of_ledger(entries).expect("what is committed is no damage");
    let again = again.into_iter().find(|again| again.partition == partition).expect("it was there before");
    assert_eq!((&again.done, &again.progress), (tracker.done(), tracker.progress()));
}
