//! Which record kills the process: found by halving over restarts.
//!
//! An abort, a stack that overflows or the killer of a machine that is out of memory leave no error
//! behind that could be classed, and whoever starts the process again meets the same record again.
//! So each run leaves a mark that it takes away when it ends, however it ends. A run that finds the
//! mark of one that came to nothing, several times in a row, goes on with suspicion: it tries one
//! parcel at a time, and writes down which before it does. What was being tried when the process died
//! is halved, until it is one record; that one is left out from then on.
//!
//! This is the state machine alone; the file and the run are [`Marker`](crate::engine)'s.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::intervals::Intervals;

/// After so many runs in a row that died without getting anywhere, a run goes on with suspicion.
pub const PATIENCE: u32 = 2;
/// So often the same records must have been tried when the process died: once may be chance.
pub const TRIES: u32 = 2;

/// What a run leaves behind when it dies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {
    /// How many records were done when the run began.
    done: u64,
    /// How many runs in a row, this one included, began there.
    runs: u32,
    /// The records that are being tried: a killer is among them, if one is.
    trying: Option<Range<u64>>,
    /// Those that were being tried when an earlier run died.
    suspects: Option<Range<u64>>,
    /// How often it was these.
    deaths: u32,
    /// Records that are left out, because they kill the process.
    killers: Vec<u64>,
}

/// These records kill the process even though they are left out, or whatever part of them is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hopeless(pub Range<u64>);

impl Attempts {
    /// Of a run that begins where `done` is done, behind one that died and left `earlier`, if one did.
    ///
    /// # Errors
    /// Leaving out what killed the process has not helped.
    pub fn begin(earlier: Option<Self>, done: &Intervals) -> Result<Self, Hopeless> {
        let now = done.count();
        let first = Self { done: now, runs: 1, ..Self::default() };
        // What had been done is not done any more: the source is read again from its beginning.
        let Some(mut earlier) = earlier.filter(|earlier| earlier.done <= now) else { return Ok(first) };
        let killers = std::mem::take(&mut earlier.killers);
        if let Some(tried) = earlier.trying.take().filter(|tried| !done.missing(tried.clone()).is_empty()) {
            let again = earlier.suspects.as_ref() == Some(&tried);
            let deaths = if again { earlier.deaths.saturating_add(1) } else { 1 };
            let single = tried.end - tried.start == 1;
            if deaths < TRIES {
                return Ok(Self { done: now, runs: PATIENCE, trying: None, suspects: Some(tried), deaths, killers });
            }
            if !single || killers.contains(&tried.start) {
                return Err(Hopeless(tried));
            }
            return Ok(Self { killers: [killers, vec![tried.start]].concat(), ..first });
        }
        let runs = if now == earlier.done { earlier.runs.saturating_add(1) } else { 1 };
        let suspects = earlier.suspects.filter(|suspects| runs > PATIENCE && !done.missing(suspects.clone()).is_empty());
        Ok(Self { runs, suspects, deaths: earlier.deaths, killers, ..first })
    }

    /// Whether the run tries one parcel at a time.
    #[must_use]
    pub fn is_suspicious(&self) -> bool {
        self.runs > PATIENCE || self.suspects.is_some()
    }

    /// The records that are left out.
    #[must_use]
    pub fn killers(&self) -> &[u64] {
        &self.killers
    }

    /// How many records from record `from` on are to be tried next, of at most `most`. What it comes to
    /// is to be written down before. `None` where the suspects have been passed, and the others are not
    /// suspected of anything.
    pub fn try_next(&mut self, from: u64, most: u64) -> Option<u64> {
        let most = most.max(1);
        let count = match &self.suspects {
            None if self.is_suspicious() => most,
            Some(suspects) if from < suspects.start => most.min(suspects.start - from),
            Some(suspects) if from < suspects.end => ((suspects.end - suspects.start) / 2).max(1).min(suspects.end - from).min(most),
            _ => {
                *self = Self { killers: std::mem::take(&mut self.killers), done: self.done, runs: 1, ..Self::default() };
                return None;
            }
        };
        self.trying = Some(from..from + count);
        Some(count)
    }

    /// More records have come than were asked for: these are tried.
    pub fn tries(&mut self, records: Range<u64>) {
        self.trying = Some(records);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::contract::position::Cursor;

    const PARCEL: u64 = 16;

    /// What is on the disk, and what kills.
    struct World {
        count: u64,
        poison: BTreeSet<u64>,
        done: Intervals,
        left: Option<Attempts>,
        dead_letters: BTreeSet<u64>,
    }

    impl World {
        fn new(count: u64, poison: BTreeSet<u64>) -> Self {
            Self { count, poison, done: Intervals::default(), left: None, dead_letters: BTreeSet::new() }
        }

        fn commit(&mut self, range: Range<u64>, killers: &[u64]) {
            self.dead_letters.extend(killers.iter().filter(|killer| range.contains(killer)));
            self.done.insert(range.clone(), Cursor::record(range.end));
        }

        /// One run, in which so many parcels are under way at once and which is killed from outside
        /// before step `killed`. Whether it came to its end.
        fn run(&mut self, under_way: u64, killed: usize) -> bool {
            let mut attempts = Attempts::begin(self.left.take(), &self.done).expect("hopeless");
            self.left = Some(attempts.clone());
            let killers = attempts.killers().to_vec();
            let kills = |poison: &BTreeSet<u64>, range: Range<u64>| poison.range(range).any(|at| !killers.contains(at));
            let mut at = self.done.low().ordinal;
            for step in 0.. {
                if step == killed {
                    return false;
                }
                if at >= self.count {
                    break;
                }
                let tried = if attempts.is_suspicious() { attempts.try_next(at, PARCEL) } else { None };
                self.left = Some(attempts.clone());
                let end = self.count.min(at + tried.unwrap_or(PARCEL));
                // What is under way dies with what kills.
                let ahead = if tried.is_some() { end } else { self.count.min(at + under_way * PARCEL) };
                if kills(&self.poison, at..ahead) {
                    return false;
                }
                self.commit(at..end, &killers);
                at = end;
            }
            self.left = None;
            true
        }
    }

    #[test]
    fn a_run_that_ended_leaves_no_suspicion() {
        let done = Intervals::first(Cursor::record(5));
        assert!(!Attempts::begin(None, &done).unwrap().is_suspicious());
        let mut left = None;
        for died in 0..=PATIENCE {
            let attempts = Attempts::begin(left, &done).unwrap();
            assert_eq!(attempts.is_suspicious(), died == PATIENCE);
            left = Some(attempts);
        }
        // Progress, and another beginning.
        for other in [6, 4] {
            assert!(!Attempts::begin(left.clone(), &Intervals::first(Cursor::record(other))).unwrap().is_suspicious());
        }
    }

    #[test]
    fn a_record_that_kills_though_it_is_left_out_is_told() {
        let mut left = None;
        let hopeless = loop {
            match Attempts::begin(left.take(), &Intervals::default()) {
                Err(hopeless) => break hopeless,
                Ok(mut attempts) => {
                    if attempts.is_suspicious() {
                        attempts.try_next(0, PARCEL);
                    }
                    left = Some(attempts);
                }
            }
        };
        assert_eq!(hopeless, Hopeless(0..1));
    }

    #[test]
    fn a_mark_that_says_too_much_is_no_way_to_begin_again() {
        let left =
            r#"{"done":0,"runs":4294967295,"trying":{"start":0,"end":2},"suspects":{"start":0,"end":2},"deaths":4294967295,"killers":[]}"#;
        let left: Attempts = serde_json::from_str(left).unwrap();
        assert_eq!(Attempts::begin(Some(left), &Intervals::default()), Err(Hopeless(0..2)));
    }

    #[test]
    fn a_source_that_does_not_give_less_does_not_loop() {
        let mut left = None;
        for restarts in 0.. {
            assert!(restarts < 20);
            let Ok(mut attempts) = Attempts::begin(left.take(), &Intervals::default()) else { break };
            if attempts.is_suspicious() {
                attempts.try_next(0, PARCEL);
                attempts.tries(0..PARCEL);
            }
            left = Some(attempts);
        }
    }

    proptest! {
        /// I7: whatever kills is found within the bound, and nothing else is left out.
        #[test]
        fn i7_every_killer_is_found_and_nothing_else_is_left_out(
            count in 1_u64..200,
            poison in prop::collection::btree_set(0_u64..200, 0..4),
            under_way in 1_u64..8,
        ) {
            let poison: BTreeSet<u64> = poison.into_iter().filter(|at| *at < count).collect();
            let mut world = World::new(count, poison.clone());
            let bound = poison.len() as u32 * (1 + PATIENCE + PARCEL.ilog2() + TRIES) + 1;
            let runs = (1..=bound).find(|_| world.run(under_way, usize::MAX));
            prop_assert!(runs.is_some(), "not within {} runs", bound);
            prop_assert_eq!(world.dead_letters, poison);
            prop_assert_eq!(world.done.low().ordinal, count);
        }

        /// A machine that dies at any step, in any run, does not keep the killers from being found, and
        /// the run still comes to its end.
        #[test]
        fn kills_from_outside_do_not_hide_a_killer(
            count in 1_u64..100,
            poison in prop::collection::btree_set(0_u64..100, 0..3),
            killed in prop::collection::vec(0_usize..6, 0..6),
        ) {
            let poison: BTreeSet<u64> = poison.into_iter().filter(|at| *at < count).collect();
            let mut world = World::new(count, poison.clone());
            for step in killed {
                world.run(2, step);
            }
            prop_assert!((0..80).any(|_| world.run(2, usize::MAX)));
            prop_assert!(world.dead_letters.is_superset(&poison), "{:?}", world.dead_letters);
        }
    }
}
