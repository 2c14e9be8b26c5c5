//! The judge: what arrived, beside what must have arrived.

use std::collections::BTreeMap;
use std::fmt;

use crate::freight::{Fate, Freight, Row, with_rows};

/// What was found in a target and among the dead letters.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The rows of the target, in any order.
    pub rows: Vec<Row>,
    /// The numbers of the records among the dead letters; `None` for a letter that holds none of ours.
    pub letters: Vec<Option<u64>>,
}

/// What is wrong with it, in records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// They should be there, and are not.
    pub lost: Vec<u64>,
    /// They are there more than once: how often too often.
    pub doubled: BTreeMap<u64, u64>,
    /// They should not be there: made up, garbled, filtered or rejected.
    pub foreign: Vec<u64>,
    /// Dead letters that are missing.
    pub letters_lost: Vec<u64>,
    /// Dead letters that are there more than once: how often too often.
    pub letters_doubled: BTreeMap<u64, u64>,
    /// Dead letters of records that were not rejected; `None` for one that is none of ours.
    pub letters_foreign: Vec<Option<u64>>,
}

impl Verdict {
    /// Judges.
    #[must_use]
    pub fn of(freight: Freight, found: &Found) -> Self {
        let mut verdict = Self::default();
        let mut arrived = vec![0_u64; freight.records as usize];
        with_rows(freight.records, |rows| {
            for found in &found.rows {
                if found.id < freight.records && Fate::of(found.id) == Fate::Loaded && *found == rows[found.id as usize] {
                    arrived[found.id as usize] += 1;
                } else {
                    verdict.foreign.push(found.id);
                }
            }
        });
        let mut set_aside = vec![0_u64; freight.records as usize];
        for letter in &found.letters {
            match letter {
                Some(id) if *id < freight.records && Fate::of(*id).is_dead_letter() => set_aside[*id as usize] += 1,
                other => verdict.letters_foreign.push(*other),
            }
        }
        for id in 0..freight.records {
            let (there, lost, doubled) = match Fate::of(id) {
                Fate::Loaded => (&arrived, &mut verdict.lost, &mut verdict.doubled),
                Fate::Refused | Fate::Malformed => (&set_aside, &mut verdict.letters_lost, &mut verdict.letters_doubled),
                Fate::Filtered => continue,
            };
            match there[id as usize] {
                0 => lost.push(id),
                1 => {}
                times => {
                    doubled.insert(id, times - 1);
                }
            }
        }
        verdict
    }

    /// How many rows are there that should not be there again.
    #[must_use]
    pub fn doubles(&self) -> u64 {
        self.doubled.values().sum()
    }

    /// How many dead letters are missing, doubled or foreign.
    #[must_use]
    pub fn wrong_letters(&self) -> u64 {
        (self.letters_lost.len() + self.letters_foreign.len()) as u64 + self.letters_doubled.values().sum::<u64>()
    }

    /// Whether everything is as after a run that nobody disturbed.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        *self == Self::default()
    }

    /// Of the part that has arrived so far: nothing may be there twice, and nothing foreign.
    #[must_use]
    pub fn is_exact_so_far(&self) -> bool {
        Self { lost: Vec::new(), letters_lost: Vec::new(), ..self.clone() }.is_exact()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_exact() {
            return f.write_str("exact");
        }
        let mut between = "";
        let mut say = |count: u64, what: &str, first: Option<String>| {
            if count == 0 {
                return Ok(());
            }
            let first = first.map_or_else(String::new, |first| format!(" (first: {first})"));
            write!(f, "{between}{count} {what}{first}")?;
            between = ", ";
            Ok(())
        };
        let text = |id: Option<&u64>| id.map(u64::to_string);
        say(self.lost.len() as u64, "lost", text(self.lost.first()))?;
        say(self.doubles(), "doubled", text(self.doubled.keys().next()))?;
        say(self.foreign.len() as u64, "foreign", text(self.foreign.first()))?;
        say(self.letters_lost.len() as u64, "dead letters lost", text(self.letters_lost.first()))?;
        say(self.letters_doubled.values().sum(), "dead letters doubled", text(self.letters_doubled.keys().next()))?;
        say(self.letters_foreign.len() as u64, "dead letters foreign", text(self.letters_foreign.iter().flatten().next()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::freight::row;

    const FREIGHT: Freight = Freight { records: 500 };

    /// As after a run that nobody disturbed.
    fn good() -> Found {
        let ids = |fate: fn(Fate) -> bool| (0..FREIGHT.records).filter(move |id| fate(Fate::of(*id)));
        Found { rows: ids(|fate| fate == Fate::Loaded).map(row).collect(), letters: ids(Fate::is_dead_letter).map(Some).collect() }
    }

    fn judged(spoil: impl FnOnce(&mut Found)) -> Verdict {
        let mut found = good();
        spoil(&mut found);
        Verdict::of(FREIGHT, &found)
    }

    #[test]
    fn what_is_complete_is_exact_in_any_order() {
        assert!(judged(|_| {}).is_exact());
        assert!(judged(|found| found.rows.reverse()).is_exact());
        assert_eq!(judged(|_| {}).to_string(), "exact");
    }

    #[test]
    fn a_loss_is_seen() {
        let verdict = judged(|found| {
            found.rows.retain(|row| row.id != 100 && row.id != 102);
        });
        assert_eq!(verdict.lost, [100, 102]);
        assert!(!verdict.is_exact() && verdict.is_exact_so_far());
        assert_eq!(verdict.to_string(), "2 lost (first: 100)");
    }

    #[test]
    fn an_empty_target_has_lost_everything() {
        assert_eq!(judged(|found| found.rows.clear()).lost.len() as u64, FREIGHT.loaded());
    }

    #[test]
    fn doubles_are_counted() {
        let verdict = judged(|found| found.rows.extend([row(1), row(1), row(2)]));
        assert_eq!(verdict.doubled, BTreeMap::from([(1, 2), (2, 1)]));
        assert_eq!((verdict.doubles(), verdict.is_exact_so_far()), (3, false));
    }

    #[test]
    fn rows_that_are_not_ours_are_foreign() {
        let garbled = Row { note: "?".to_owned(), ..row(3) };
        let verdict = judged(|found| {
            found.rows.retain(|row| row.id != 3);
            found.rows.extend([garbled, row(FREIGHT.records), row(4), row(7), row(11)]);
        });
        assert_eq!(verdict.foreign, [3, 500, 4, 7, 11], "garbled, too far, filtered, refused, malformed");
        assert_eq!(verdict.lost, [3], "a garbled row is not the one that was wanted");
    }

    #[test]
    fn dead_letters_are_judged_alike() {
        let verdict = judged(|found| {
            found.letters.retain(|letter| *letter != Some(7));
            found.letters.extend([Some(11), Some(1), None]);
        });
        assert_eq!(verdict.letters_lost, [7]);
        assert_eq!(verdict.letters_doubled, BTreeMap::from([(11, 1)]));
        assert_eq!(verdict.letters_foreign, [Some(1), None]);
        assert_eq!(verdict.wrong_letters(), 4);
    }
}
