//! Loading into a target that keeps a ledger: the records of whole parcels and the entry that says so
//! are one transaction. So a kill at any moment leaves both or neither, and an answer that was lost on
//! its way is found out by doing the same again.
//!
//! A record that spoils its batch is found by halving within the transaction, between savepoints, and
//! only in a new transaction: one that has failed is not probed further (Spring Batch's issues 5210
//! and 5247 are what comes of that).

#![allow(missing_debug_implementations, reason = "machinery that appears in sealed signatures and is never printed")]

use std::collections::{HashSet, VecDeque};
use std::ops::{ControlFlow, Range};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::breaker::{Next, Tries};
use super::lane::{Failure, Lane, settle_outcomes};
use super::letters::{Letters, Postbox};
use super::lineage::Lineage;
use super::link::{self, Missed, answered, roll_back};
use super::parcel::Excluded;
use super::segment::rejected;
use super::turns::{Turn, Turns};
use super::work::{Stopped, Tally, Work};
use crate::contract::error::{Class, Error, ErrorKind, Result, StageError};
use crate::contract::source::Origin;
use crate::contract::stage::{Loader, TransactionOf};
use crate::contract::target::{Receipt, Recorded, Target, Transaction};
use crate::delivery::tracker::{Coverage, Proposal, Tracker};
use crate::mutants;
use crate::observe::metrics::Counts;

/// What transactions are sealed with.
#[derive(Clone)]
pub struct Sealing {
    pub(super) tracker: Arc<Mutex<Tracker>>,
    pub(super) turns: Turns,
    pub(super) letters: Postbox,
}

impl Sealing {
    pub(super) fn tracker(&self) -> MutexGuard<'_, Tracker> {
        // Nothing panics while it is held.
        self.tracker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a transaction was not committed.
enum Unsealed {
    /// A record is to blame, and which one is not known yet.
    Spoiled,
    /// It may be done again.
    Again(Error),
    /// The run ends here; the tally says why.
    Stopped,
}

/// An attempt of whose commit nobody knows whether it was one.
struct Unanswered {
    proposal: Proposal,
    counts: Counts,
    /// Nothing else is sealed before that is known.
    turn: Turn,
}

/// A transaction that is sealed, and only to be committed.
struct Sealed {
    proposal: Proposal,
    recorded: Recorded,
    turn: Turn,
}

impl From<Stopped> for Unsealed {
    fn from(Stopped: Stopped) -> Self {
        Self::Stopped
    }
}

impl<S: Loader> Lane<'_, S> {
    /// Loads `rows`, which are all that is left of `covered`, in one transaction. Whoever is told that it
    /// is `in_doubt` knows that a commit was asked for, and not whether it took place.
    pub(super) async fn load_sealed(
        &mut self,
        rows: &[S::In],
        lineage: &Lineage,
        covered: &[Coverage],
        sealing: &Sealing,
        in_doubt: &mut bool,
        tally: &mut Tally,
    ) {
        // Nothing is committed before the letters of the stages before are durable, which takes as long as a disk does.
        sealing.letters.ahead().await;
        let mut tries = Tries::new(self.stage);
        let (mut by_parts, mut posted) = (false, HashSet::new());
        let mut unanswered = None;
        loop {
            let attempts = tries.attempts;
            *tally = Tally { batches: 1, retries: u64::from(attempts) - 1, at: tally.at, ..Tally::default() };
            let ended = {
                let mut work = Work::new(self.stage, tally, lineage, None, rows.len());
                self.transact(rows, lineage, covered, (sealing, in_doubt), by_parts, attempts, &mut posted, &mut unanswered, &mut work)
                    .await
            };
            let error = match ended {
                Ok(()) => return tries.answered(|| self.target_name()),
                Err(Unsealed::Spoiled) => {
                    tries.answered(|| self.target_name());
                    by_parts = true;
                    continue;
                }
                Err(Unsealed::Again(error)) => error,
                Err(Unsealed::Stopped) => break,
            };
            match tries.next(&error, self.target_name()).await {
                Next::Attempt => {}
                // Another run may have taken over meanwhile, which a new connection finds out.
                Next::Trial => self.link.give_up(),
                Next::Over => {
                    let error = tries.ended(error);
                    let mut work: Work<'_, ()> = Work::new(self.stage, tally, lineage, None, rows.len());
                    let at = work.at().min(rows.len().saturating_sub(1));
                    let _stopped = if rows.is_empty() { work.stop_anywhere(error) } else { work.stop(at, error) };
                    break;
                }
                Next::GivenUp => break,
            }
        }
        // Nothing of the transaction is in the target.
        match tally.failure.take() {
            Some(failure) => tally.fail(rows.len(), failure),
            None => tally.give_up(rows.len()),
        }
    }

    /// Loads and commits once.
    #[allow(clippy::too_many_arguments, reason = "one attempt of the only caller")]
    async fn transact(
        &mut self,
        rows: &[S::In],
        lineage: &Lineage,
        covered: &[Coverage],
        (sealing, in_doubt): (&Sealing, &mut bool),
        by_parts: bool,
        attempts: u32,
        posted: &mut HashSet<u32>,
        unanswered: &mut Option<Unanswered>,
        work: &mut Work<'_, ()>,
    ) -> Result<(), Unsealed> {
        let ranges = broken(self.sealed_ranges(rows, work))?;
        let stage = self.stage;
        let lent = self.lent;
        unsealed(answered(stage, self.link.ready(S::target(lent))).await, work)?;
        let Some((connection, doubt)) = self.link.lend() else { unreachable!("connected above") };
        let mut transaction: TransactionOf<'_, S> = unsealed(answered(stage, <S::Target as Target>::begin(connection)).await, work)?;
        if let Some(earlier) = unanswered.take().filter(|_| !mutants::active("commit_not_asked_for")) {
            // Asked before the records are loaded again: a unique key would refuse all of them.
            match unsealed(answered(stage, transaction.is_recorded(&earlier.proposal.receipt().entries)).await, work) {
                Ok(false) => earlier.turn.known(),
                Ok(true) => {
                    roll_back(stage, transaction, doubt).await;
                    *in_doubt = false;
                    work.tally.counts = earlier.counts;
                    sealing.tracker().settle(earlier.proposal);
                    earlier.turn.known();
                    return Ok(());
                }
                Err(unsealed) => {
                    roll_back(stage, transaction, doubt).await;
                    *unanswered = Some(earlier);
                    return Err(unsealed);
                }
            }
        }
        let loaded = if by_parts {
            Self::load_parts(stage, lent, rows, ranges, attempts, &mut transaction, work).await
        } else {
            Self::load_whole(stage, lent, rows, ranges, attempts, &mut transaction, work).await
        };
        let sealed = match loaded {
            Ok(()) => Self::seal(lineage, covered, sealing, posted, &mut transaction, work).await,
            Err(unsealed) => Err(unsealed),
        };
        let (proposal, mut turn) = match sealed {
            Ok(Sealed { proposal, recorded: Recorded::New, turn }) => (proposal, turn),
            Ok(Sealed { proposal, recorded: Recorded::Already, turn }) => {
                roll_back(stage, transaction, doubt).await;
                *in_doubt = false;
                sealing.tracker().settle(proposal);
                turn.known();
                return Ok(());
            }
            Err(unsealed) => {
                roll_back(stage, transaction, doubt).await;
                return Err(unsealed);
            }
        };
        *in_doubt = true;
        turn.doubt();
        let committed = link::commit(stage, transaction, true, doubt).await;
        if !mutants::active("commit_assumed")
            && let Err(unsealed) = unsealed(committed, work)
        {
            *unanswered = Some(Unanswered { proposal, counts: work.tally.counts, turn });
            return Err(unsealed);
        }
        *in_doubt = false;
        sealing.tracker().settle(proposal);
        turn.known();
        Ok(())
    }

    /// The records that keep the rules, in calls of at most a batch.
    fn sealed_ranges(&self, rows: &[S::In], work: &mut Work<'_, ()>) -> ControlFlow<Stopped, VecDeque<Range<usize>>> {
        let largest = if Self::TAKES_RECORDS { 1 } else { self.stage.settings.batch.max(1) };
        let mut calls = VecDeque::new();
        for range in self.ranges(rows, work)? {
            let mut start = range.start;
            while start < range.end {
                let end = range.end.min(start + largest);
                calls.push_back(start..end);
                start = end;
            }
        }
        ControlFlow::Continue(calls)
    }

    /// Calls the function on all records, one call after the other.
    async fn load_whole(
        stage: &super::work::Stage,
        lent: crate::contract::stage::Lent<'_, S::Needs>,
        rows: &[S::In],
        ranges: VecDeque<Range<usize>>,
        attempts: u32,
        transaction: &mut TransactionOf<'_, S>,
        work: &mut Work<'_, ()>,
    ) -> Result<(), Unsealed> {
        for range in ranges {
            work.blame(range.start);
            match Self::call(stage, lent, &rows[range.clone()], transaction).await {
                Ok(None) => work.loaded(range.len()),
                Ok(Some(outcomes)) => broken(settle_outcomes(work, &range, outcomes, attempts, rows))?,
                Err(Failure::Own(error, _)) if Self::sets_aside(stage, &error) => return Err(Unsealed::Spoiled),
                Err(failure) => return Err(Self::unsealed_by(failure, range.start, attempts, work)),
            }
        }
        Ok(())
    }

    /// The same between savepoints, in ever smaller parts where one record spoils a part.
    async fn load_parts(
        stage: &super::work::Stage,
        lent: crate::contract::stage::Lent<'_, S::Needs>,
        rows: &[S::In],
        mut ranges: VecDeque<Range<usize>>,
        attempts: u32,
        transaction: &mut TransactionOf<'_, S>,
        work: &mut Work<'_, ()>,
    ) -> Result<(), Unsealed> {
        while let Some(range) = ranges.pop_front() {
            if work.aborted() {
                work.give_up();
                return Err(Unsealed::Stopped);
            }
            work.blame(range.start);
            unsealed(answered(stage, transaction.savepoint()).await, work)?;
            let failure = match Self::call(stage, lent, &rows[range.clone()], transaction).await {
                Ok(outcomes) => {
                    unsealed(answered(stage, transaction.release_savepoint()).await, work)?;
                    match outcomes {
                        None => work.loaded(range.len()),
                        Some(outcomes) => broken(settle_outcomes(work, &range, outcomes, attempts, rows))?,
                    }
                    continue;
                }
                Err(failure) => failure,
            };
            match failure {
                Failure::Own(error, _) if Self::sets_aside(stage, &error) => {
                    unsealed(answered(stage, transaction.roll_back_to_savepoint()).await, work)?;
                    if range.len() == 1 {
                        let shown = work.show(&rows[range.start]);
                        broken(work.error(range.start, &error, attempts, shown))?;
                    } else {
                        let middle = range.start + range.len() / 2;
                        ranges.push_front(middle..range.end);
                        ranges.push_front(range.start..middle);
                    }
                }
                failure => return Err(Self::unsealed_by(failure, range.start, attempts, work)),
            }
        }
        Ok(())
    }

    /// Whether an error is that of single records, which the batch can be committed without.
    fn sets_aside(stage: &super::work::Stage, error: &S::Error) -> bool {
        matches!(stage.effective(error.class()), Class::Skip | Class::Reject) && <TransactionOf<'_, S> as Transaction>::SAVEPOINTS
    }

    fn unsealed_by(failure: Failure<S::Error>, start: usize, attempts: u32, work: &mut Work<'_, ()>) -> Unsealed {
        match failure {
            Failure::Own(error, _) if error.class() == Class::Retry => Unsealed::Again(Error::from_stage(&error, ErrorKind::Load)),
            Failure::Own(error, at) => {
                let _stopped = work.stop(start + at, Error::from_stage(&error, ErrorKind::Other).after(attempts));
                Unsealed::Stopped
            }
            Failure::Engine(error) if error.class() == Class::Retry => Unsealed::Again(error),
            Failure::Engine(error) => {
                let _stopped = work.stop(start, error.after(attempts));
                Unsealed::Stopped
            }
            Failure::GivenUp => {
                work.give_up();
                Unsealed::Stopped
            }
        }
    }

    /// Makes the dead letters durable and writes the entry: after this only the commit is left.
    async fn seal(
        lineage: &Lineage,
        covered: &[Coverage],
        sealing: &Sealing,
        posted: &mut HashSet<u32>,
        transaction: &mut TransactionOf<'_, S>,
        work: &mut Work<'_, ()>,
    ) -> Result<Sealed, Unsealed> {
        let again = rejected_again(sealing.tracker().replays(), covered, &work.tally.excluded, lineage);
        let covered = again.as_deref().unwrap_or(covered);
        let (mut entries, mut errors) = (Vec::new(), Vec::new());
        for mut excluded in work.tally.excluded.drain(..) {
            let (origin, input) = lineage.of(excluded.input as usize);
            errors.push(origin.position(input).ordinal);
            // What an earlier attempt has posted is on its way already.
            if posted.insert(excluded.input) {
                excluded.input = input;
                entries.push((excluded, Arc::clone(origin)));
            }
        }
        if !entries.is_empty() {
            sealing.letters.post(vec![Letters { stage: work.stage.index, entries }]).await;
        }
        // From here on one at a time: what this one comes to counts all that are committed before it.
        let turn = tokio::select! {
            biased;
            turn = sealing.turns.next() => turn,
            () = work.stage.abort.cancelled() => None,
        };
        let Some(turn) = turn else {
            work.give_up();
            return Err(Unsealed::Stopped);
        };
        if !mutants::active("commit_before_dead_letters") && !sealing.letters.durable().await {
            work.give_up();
            return Err(Unsealed::Stopped);
        }
        let proposal = sealing.tracker().propose(covered, &work.tally.counts, &errors);
        if mutants::active("no_ledger") {
            return Ok(Sealed { proposal, recorded: Recorded::New, turn });
        }
        let recorded = unsealed(answered(work.stage, transaction.record(proposal.receipt())).await, work)?;
        Ok(Sealed { proposal, recorded, turn })
    }

    /// A transaction that holds nothing but the receipt: that the source is at its end.
    pub(super) async fn seal_alone(&mut self, receipt: &Receipt) -> Result<()> {
        let mut tries = Tries::new(self.stage);
        loop {
            let error = match self.record_alone(receipt).await {
                Ok(()) => {
                    tries.answered(|| self.target_name());
                    return Ok(());
                }
                Err(Missed::GivenUp) => return Err(Error::new(ErrorKind::Load, "the run was given up before its end was written down")),
                Err(Missed::Failed(error)) => error,
            };
            let next = if error.class() == Class::Retry { tries.next(&error, self.target_name()).await } else { Next::Over };
            match next {
                Next::Attempt => {}
                Next::Trial => self.link.give_up(),
                Next::Over => return Err(tries.ended(error)),
                Next::GivenUp => return Err(Error::new(ErrorKind::Cancelled, "the run was stopped before its end was written down")),
            }
        }
    }

    async fn record_alone(&mut self, receipt: &Receipt) -> Result<(), Missed> {
        let (stage, lent) = (self.stage, self.lent);
        answered(stage, self.link.ready(S::target(lent))).await?;
        let Some((connection, doubt)) = self.link.lend() else { unreachable!("connected above") };
        let mut transaction: TransactionOf<'_, S> = answered(stage, <S::Target as Target>::begin(connection)).await?;
        match answered(stage, transaction.record(receipt)).await {
            Ok(_new_or_not) => link::commit(stage, transaction, true, doubt).await,
            Err(missed) => {
                roll_back(stage, transaction, doubt).await;
                Err(missed)
            }
        }
    }
}

/// In a replay: what is covered, with the records that the loader rejects again.
pub(super) fn rejected_again(replays: bool, covered: &[Coverage], excluded: &[Excluded], origin: &dyn Origin) -> Option<Vec<Coverage>> {
    if !replays {
        return None;
    }
    let mut covered = covered.to_vec();
    for ordinal in rejected(excluded, origin) {
        let of = covered.iter_mut().find(|coverage| coverage.ranges.iter().any(|range| range.contains(&ordinal)));
        if let Some(coverage) = of {
            coverage.rejected.push(ordinal);
        }
    }
    Some(covered)
}

/// What the target says, or why the transaction ends here.
fn unsealed<T>(answer: Result<T, Missed>, work: &mut Work<'_, ()>) -> Result<T, Unsealed> {
    answer.map_err(|missed| match missed {
        Missed::Failed(error) if error.class() == Class::Retry => Unsealed::Again(error),
        Missed::Failed(error) => {
            let _stopped = work.stop_anywhere(error);
            Unsealed::Stopped
        }
        Missed::GivenUp => {
            work.give_up();
            Unsealed::Stopped
        }
    })
}

fn broken<T>(flow: ControlFlow<Stopped, T>) -> Result<T, Unsealed> {
    match flow {
        ControlFlow::Continue(value) => Ok(value),
        ControlFlow::Break(stopped) => Err(stopped.into()),
    }
}
