//! Which records of a source a run reads again, and no others: `dlq replay` re-reads them by their
//! position.
//!
//! A selection is of one partition, because a run has one source. It knows the letters of each record,
//! so that a record which is rejected again takes the place of its letter, and it knows the digest of
//! the record's bytes, so that another record in the same place is not taken for it.

#![cfg_attr(not(feature = "cli"), allow(dead_code, reason = "some of it only the operator's verbs need"))]

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::dead_letters::{Digest, LetterId, digest};
use crate::contract::error::{Error, ErrorKind, Result};
use crate::contract::position::Position;

/// The records of one partition that a run reads again; every other record is passed over.
#[derive(Clone, PartialEq, Eq)]
pub struct Selection {
    partition: Arc<str>,
    /// By ordinal; never empty.
    records: BTreeMap<u64, Chosen>,
}

/// A record that is read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// Its letters: one, unless several stages, or several of what was made of it, were rejected.
    pub(crate) letters: Vec<LetterId>,
    /// How often it has been tried.
    pub(crate) attempts: u32,
    /// When it was rejected first.
    pub(crate) first_seen: String,
    /// Of its bytes in the source, where they were kept.
    pub(crate) digest: Option<Digest>,
}

/// Why a record that was read again is not the one that was rejected. A code of
/// [`Selection::verify`]'s error.
pub const CHANGED: &str = "dead_letter_changed";

impl Selection {
    /// Of these letters' records: the record's number with what is known of it.
    ///
    /// # Errors
    /// There is none; or two letters of one record have different digests, so that they are of two
    /// contents of the source ([`ErrorKind::Config`]).
    pub(crate) fn new(partition: impl Into<Arc<str>>, letters: impl IntoIterator<Item = (u64, Chosen)>) -> Result<Self> {
        let partition = partition.into();
        let mut records = BTreeMap::<u64, Chosen>::new();
        for (ordinal, letter) in letters {
            let Some(record) = records.get_mut(&ordinal) else {
                records.insert(ordinal, letter);
                continue;
            };
            if !record.join(letter) {
                return Err(Error::new(
                    ErrorKind::Config,
                    format!("record {ordinal} of {partition} has letters of two contents of the source"),
                )
                .with_code(CHANGED)
                .hint("discard those of the content that is gone, by their ids"));
            }
        }
        if records.is_empty() {
            return Err(Error::new(ErrorKind::Config, "no dead letter is chosen").hint("`dlq list` tells what is there"));
        }
        Ok(Self { partition, records })
    }

    /// The part of the source that the records are of.
    #[must_use]
    pub fn partition(&self) -> &str {
        &self.partition
    }

    /// How many records there are: at least one.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a selection is never empty")]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether the record is read again.
    #[must_use]
    pub fn contains(&self, ordinal: u64) -> bool {
        self.records.contains_key(&ordinal)
    }

    /// The records from the first to the last: what a reader has to see of the source.
    #[must_use]
    pub fn span(&self) -> Range<u64> {
        let first = self.records.first_key_value().map_or(0, |(first, _)| *first);
        self.records.last_key_value().map_or(0..0, |(last, _)| first..last.saturating_add(1))
    }

    /// The numbers of the records in a range, in their order.
    pub fn ordinals(&self, range: Range<u64>) -> impl Iterator<Item = u64> {
        self.range(range).map(|(ordinal, _)| ordinal)
    }

    /// That a record which was read again is the one that was rejected, by the digest of its bytes.
    /// One whose bytes were not kept, or are not there now, is taken at its position.
    ///
    /// # Errors
    /// It is another record ([`ErrorKind::Extraction`], code [`CHANGED`]): the source has changed since.
    pub fn verify(&self, position: &Position, bytes: Option<&[u8]>) -> Result<()> {
        let expected = self.at(&position.partition, position.ordinal).and_then(|chosen| chosen.digest);
        match (expected, bytes) {
            (Some(expected), Some(bytes)) if digest(bytes) != expected => {
                Err(Error::new(ErrorKind::Extraction, "this is not the record that was rejected: the source has changed since")
                    .with_code(CHANGED)
                    .at(position.clone())
                    .hint("replay from the source as it was, or discard the letter"))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn at(&self, partition: &str, ordinal: u64) -> Option<&Chosen> {
        if partition == &*self.partition { self.records.get(&ordinal) } else { None }
    }

    pub(crate) fn range(&self, ordinals: Range<u64>) -> impl Iterator<Item = (u64, &Chosen)> {
        // A range that ends before it starts has no records; the map would panic.
        let ordinals = ordinals.start..ordinals.end.max(ordinals.start);
        self.records.range(ordinals).map(|(ordinal, chosen)| (*ordinal, chosen))
    }
}

impl fmt::Debug for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Selection({} records of {} in {:?})", self.len(), self.partition, self.span())
    }
}

impl Chosen {
    /// Takes in another letter of the same record. `false` where it is of other bytes.
    fn join(&mut self, other: Self) -> bool {
        if self.digest.is_some() && other.digest.is_some() && self.digest != other.digest {
            return false;
        }
        self.digest = self.digest.or(other.digest);
        self.attempts = self.attempts.max(other.attempts);
        if other.first_seen < self.first_seen {
            self.first_seen = other.first_seen;
        }
        for letter in other.letters {
            if !self.letters.contains(&letter) {
                self.letters.push(letter);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chosen(digest: Option<Digest>) -> Chosen {
        Chosen { letters: Vec::new(), attempts: 1, first_seen: "2026-11-22T21:30:00.000Z".to_owned(), digest }
    }

    fn position(ordinal: u64) -> Position {
        Position { partition: "a.csv".into(), ordinal, byte: None, line: None }
    }

    proptest! {
        #[test]
        fn it_is_the_set_of_its_records(ordinals in prop::collection::vec(0..64_u64, 1..20), from in 0..70_u64, to in 0..70_u64) {
            let selection = Selection::new("a.csv", ordinals.iter().map(|ordinal| (*ordinal, chosen(None)))).unwrap();
            let set: std::collections::BTreeSet<_> = ordinals.iter().copied().collect();
            prop_assert_eq!(selection.len(), set.len());
            prop_assert!((0..70).all(|ordinal| selection.contains(ordinal) == set.contains(&ordinal)));
            let within: Vec<_> = set.iter().copied().filter(|ordinal| (from..to).contains(ordinal)).collect();
            prop_assert_eq!(selection.ordinals(from..to).collect::<Vec<_>>(), within);
            prop_assert_eq!(selection.span(), *set.first().unwrap()..set.last().unwrap() + 1);
        }
    }

    #[test]
    fn a_selection_of_nothing_is_refused() {
        assert_eq!(Selection::new("a.csv", []).unwrap_err().kind(), ErrorKind::Config);
    }

    #[test]
    fn letters_of_one_record_are_joined_and_those_of_two_contents_refused() {
        let letter = |attempts, first_seen: &str, digest| Chosen { attempts, first_seen: first_seen.to_owned(), ..chosen(digest) };
        let joined = Selection::new("a.csv", [(7, letter(1, "b", None)), (7, letter(3, "a", Some([1; 32])))]).unwrap();
        assert_eq!(joined.at("a.csv", 7), Some(&letter(3, "a", Some([1; 32]))));
        assert_eq!(joined.at("b.csv", 7), None);
        let refused = Selection::new("a.csv", [(7, chosen(Some([1; 32]))), (7, chosen(Some([2; 32])))]).unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Config, CHANGED));
    }

    #[test]
    fn another_record_in_the_same_place_is_not_taken_for_it() {
        let selection = Selection::new("a.csv", [(1, chosen(Some(digest(b"one")))), (2, chosen(None))]).unwrap();
        assert!(selection.verify(&position(1), Some(b"one")).is_ok());
        assert!(selection.verify(&position(1), None).is_ok(), "the source has no bytes now");
        assert!(selection.verify(&position(2), Some(b"anything")).is_ok(), "no bytes were kept");
        let refused = selection.verify(&position(1), Some(b"canary")).unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Extraction, CHANGED));
        assert!(!format!("{refused:?}").contains("canary"), "i8");
    }
}
