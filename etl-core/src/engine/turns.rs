//! Transactions are loaded side by side, and sealed one after the other: what is written down with one
//! counts all that was committed before it, so it cannot be made before that is known.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

/// Hands out the turn.
#[derive(Clone, Default)]
pub(super) struct Turns(Arc<Mutex<Over>>);

/// Whether there will be no other turn: of a commit nobody knows whether it took place.
#[derive(Default)]
struct Over(bool);

/// The only one there is.
pub(super) struct Turn {
    over: OwnedMutexGuard<Over>,
}

impl Turns {
    /// Waits for the next one; `None` where there is none any more.
    pub(super) async fn next(&self) -> Option<Turn> {
        let turns = if crate::mutants::active("sealed_side_by_side") { Arc::default() } else { Arc::clone(&self.0) };
        let over = turns.lock_owned().await;
        (!over.0).then_some(Turn { over })
    }
}

impl Turn {
    /// A commit is asked for: dropped before the answer is [known](Self::known), this is the last turn.
    pub(super) fn doubt(&mut self) {
        self.over.0 = true;
    }

    /// It is known what has become of it.
    pub(super) fn known(mut self) {
        self.over.0 = false;
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn there_is_one_turn_at_a_time_and_none_behind_an_unknown_commit() {
        let turns = Turns::default();
        let next = || turns.next().now_or_never();
        let mut first = next().flatten().unwrap();
        assert!(next().is_none(), "the second waits for the first");
        first.doubt();
        first.known();
        let mut second = next().flatten().unwrap();
        second.doubt();
        drop(second);
        assert!(next().is_some_and(|turn| turn.is_none()), "nobody knows what to count on");
    }
}
