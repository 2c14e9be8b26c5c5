//! What came of a round.

use std::time::Duration;

use crate::class::{Place, Promise};
use crate::oracle::Verdict;

/// What came of a round.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// What the oracle says of the end.
    pub verdict: Verdict,
    /// Where each kill fell.
    pub kills: Vec<Place>,
    /// How long the runs took that went on after a kill and came to the end.
    pub recoveries: Vec<Duration>,
    /// What else was not as promised, a sentence each.
    pub complaints: Vec<String>,
    /// Files that were left behind.
    pub leftovers: Vec<String>,
    /// Where exactly the fault was, for who wants to see it again.
    pub place: String,
    /// How many records may be doubled, where the class says so.
    pub window: u64,
}

impl Outcome {
    /// Whether the promise was kept, and nothing left behind.
    #[must_use]
    pub fn is_good(&self, promise: Promise) -> bool {
        self.leftovers.is_empty() && self.is_right(promise)
    }

    /// Whether the promise was kept.
    #[must_use]
    pub fn is_right(&self, promise: Promise) -> bool {
        self.complaints.is_empty()
            && match promise {
                Promise::Once => self.verdict.is_exact(),
                Promise::AtLeastOnce => {
                    self.verdict.lost.is_empty()
                        && self.verdict.foreign.is_empty()
                        && self.verdict.wrong_letters() == 0
                        && self.verdict.doubles() <= self.window
                }
            }
    }

    /// What was not as promised, in a line.
    #[must_use]
    pub fn words(&self) -> String {
        let mut words = vec![self.verdict.to_string()];
        words.extend((!self.leftovers.is_empty()).then(|| format!("left behind: {}", self.leftovers.join(", "))));
        words.extend(self.complaints.iter().cloned());
        words.extend((!self.place.is_empty()).then(|| self.place.clone()));
        words.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_appends_may_double_as_much_as_it_says_and_nothing_else() {
        let mut outcome = Outcome { window: 2, ..Outcome::default() };
        outcome.verdict.doubled.insert(1, 2);
        assert!(outcome.is_good(Promise::AtLeastOnce) && !outcome.is_good(Promise::Once));
        outcome.verdict.doubled.insert(2, 1);
        assert!(!outcome.is_good(Promise::AtLeastOnce));
        outcome.verdict.doubled.clear();
        outcome.verdict.lost.push(3);
        assert!(!outcome.is_good(Promise::AtLeastOnce));
        outcome.verdict.lost.clear();
        outcome.complaints.push("a run ended with code 101".to_owned());
        assert!(!outcome.is_good(Promise::AtLeastOnce) && !outcome.is_good(Promise::Once));
    }
}
