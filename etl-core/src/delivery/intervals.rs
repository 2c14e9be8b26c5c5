//! Which records of a source are done: a set of intervals, never a high-water mark.
//!
//! Batches are committed out of order. Whoever only remembers the highest position that was
//! committed takes everything below it for done, and loses what was not (Restate's issue 4880 is
//! such a loss). Here a run goes on at the end of the first unbroken stretch, and passes over what
//! is done behind it, record by record: so it does not matter where the batches of the next run
//! begin and end.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::contract::position::Cursor;

/// A set of records, by number: disjoint intervals that do not touch, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Done>")]
pub struct Intervals(Vec<Done>);

/// An interval, and where the record behind it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Done {
    start: u64,
    end: Cursor,
}

impl Intervals {
    /// Of all records before `end`.
    #[must_use]
    pub fn first(end: Cursor) -> Self {
        let mut first = Self::default();
        first.insert(0..end.ordinal, end);
        first
    }

    /// Adds the records of `range`, behind which the record at `end` starts. In whatever order ranges
    /// are added, and however often, the set is the same.
    ///
    /// # Panics
    /// Where `end` is not the end of `range`.
    pub fn insert(&mut self, range: Range<u64>, end: Cursor) {
        assert_eq!(range.end, end.ordinal, "an interval ends where the next record starts");
        if range.is_empty() {
            return;
        }
        // Those that overlap or touch it are one with it.
        let first = self.0.partition_point(|done| done.end.ordinal < range.start);
        let behind = self.0.partition_point(|done| done.start <= range.end);
        let mut merged = Done { start: range.start, end };
        for done in &self.0[first..behind] {
            merged.start = merged.start.min(done.start);
            if done.end.ordinal >= merged.end.ordinal {
                merged.end = done.end;
            }
        }
        self.0.splice(first..behind, [merged]);
    }

    /// Whether record `ordinal` is in it.
    #[must_use]
    pub fn contains(&self, ordinal: u64) -> bool {
        let behind = self.0.partition_point(|done| done.start <= ordinal);
        behind > 0 && ordinal < self.0[behind - 1].end.ordinal
    }

    /// Whether any record of `range` is in it.
    #[must_use]
    pub fn overlaps(&self, range: &Range<u64>) -> bool {
        let at = self.0.partition_point(|done| done.end.ordinal <= range.start);
        !range.is_empty() && self.0.get(at).is_some_and(|done| done.start < range.end)
    }

    /// The parts of `range` that are not in it, in order.
    #[must_use]
    pub fn missing(&self, range: Range<u64>) -> Vec<Range<u64>> {
        let mut missing = Vec::new();
        let mut from = range.start;
        let first = self.0.partition_point(|done| done.end.ordinal <= range.start);
        for done in self.0[first..].iter().take_while(|done| done.start < range.end) {
            if from < done.start {
                missing.push(from..done.start);
            }
            from = from.max(done.end.ordinal);
        }
        if from < range.end {
            missing.push(from..range.end);
        }
        missing
    }

    /// Where reading goes on: every record before it is in the set.
    #[must_use]
    pub fn low(&self) -> Cursor {
        self.0.first().filter(|done| done.start == 0).map_or_else(Cursor::default, |done| done.end)
    }

    /// One more than the highest number in it.
    #[must_use]
    pub fn reached(&self) -> u64 {
        self.0.last().map_or(0, |done| done.end.ordinal)
    }

    /// Its intervals, in order, each with where the record behind it starts.
    pub fn iter(&self) -> impl Iterator<Item = (Range<u64>, Cursor)> + '_ {
        self.0.iter().map(|done| (done.start..done.end.ordinal, done.end))
    }

    /// How many records it holds.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.iter().map(|done| done.end.ordinal - done.start).sum()
    }

    /// How many intervals it is made of.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it holds no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What was written down is looked at, because a set that overlaps itself has been tampered with.
impl TryFrom<Vec<Done>> for Intervals {
    type Error = &'static str;

    fn try_from(written: Vec<Done>) -> Result<Self, Self::Error> {
        let whole = written.iter().all(|done| done.start < done.end.ordinal);
        let apart = written.windows(2).all(|pair| pair[0].end.ordinal < pair[1].start);
        if whole && apart { Ok(Self(written)) } else { Err("the intervals overlap or are out of order") }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// A cursor that says where it is twice, so that a wrong one is seen.
    fn cursor(ordinal: u64) -> Cursor {
        Cursor { ordinal, byte: Some(10 * ordinal), line: Some(ordinal + 1) }
    }

    fn of(ranges: &[Range<u64>]) -> Intervals {
        let mut set = Intervals::default();
        ranges.iter().for_each(|range| set.insert(range.clone(), cursor(range.end)));
        set
    }

    #[test]
    fn i1_what_was_rejected_first_is_not_done_when_what_comes_after_it_is() {
        let mut set = of(&[100..150, 150..200]);
        assert_eq!(set.low(), Cursor::default());
        assert_eq!(set.missing(0..200), vec![0..100]);
        set.insert(0..100, cursor(100));
        assert_eq!(set.low(), cursor(200));
        assert_eq!(set.len(), 1);
    }

    #[test]
    fn what_was_written_is_read_and_what_overlaps_is_refused() {
        let set = of(&[0..3, 5..7]);
        let json = serde_json::to_string(&set).unwrap();
        assert_eq!(serde_json::from_str::<Intervals>(&json).unwrap(), set);
        for wrong in [
            r#"[{"start":0,"end":{"ordinal":5}},{"start":4,"end":{"ordinal":9}}]"#,
            r#"[{"start":3,"end":{"ordinal":3}}]"#,
            r#"[{"start":5,"end":{"ordinal":9}},{"start":0,"end":{"ordinal":2}}]"#,
        ] {
            serde_json::from_str::<Intervals>(wrong).unwrap_err();
        }
    }

    fn ranges() -> impl Strategy<Value = Vec<Range<u64>>> {
        prop::collection::vec((0_u64..60, 0_u64..8).prop_map(|(start, length)| start..start + length), 0..20)
    }

    proptest! {
        #[test]
        fn i1_it_is_the_set_of_the_records_in_whatever_order_they_come(ranges in ranges(), seed: u64) {
            let set = of(&ranges);
            let mut shuffled = ranges.clone();
            fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
            shuffled.extend(ranges.first().cloned());
            prop_assert_eq!(&of(&shuffled), &set);

            let model: BTreeSet<u64> = ranges.iter().flat_map(Clone::clone).collect();
            prop_assert_eq!(set.count(), model.len() as u64);
            prop_assert_eq!(set.reached(), model.last().map_or(0, |last| last + 1));
            let low = (0..).find(|ordinal| !model.contains(ordinal)).unwrap();
            prop_assert_eq!(set.low(), if low == 0 { Cursor::default() } else { cursor(low) });
            for ordinal in 0..70 {
                prop_assert_eq!(set.contains(ordinal), model.contains(&ordinal));
            }
        }

        #[test]
        fn i2_what_is_missing_is_what_is_not_in_it(ranges in ranges(), start in 0_u64..70, length in 0_u64..30) {
            let set = of(&ranges);
            let range = start..start + length;
            let missing = set.missing(range.clone());
            let expected: Vec<u64> = range.clone().filter(|ordinal| !set.contains(*ordinal)).collect();
            prop_assert_eq!(missing.iter().flat_map(Clone::clone).collect::<Vec<_>>(), expected);
            prop_assert!(missing.iter().all(|range| !range.is_empty()));
            prop_assert_eq!(set.overlaps(&range), range.clone().any(|ordinal| set.contains(ordinal)));
        }
    }
}
