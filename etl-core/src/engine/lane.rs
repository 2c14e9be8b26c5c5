//! One lane of a loader: its function and a connection of its own, on which one transaction is open at a
//! time. A batch is written, retried from the retained original, and halved where one record spoils it.

#![allow(missing_debug_implementations, reason = "machinery that appears in sealed signatures and is never printed")]

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::{ControlFlow, Range};

use super::breaker::{Next, Tries};
use super::link::{Link, Missed, answered, commit, roll_back};
use super::panics::guarded_async;
use super::runners::{Ended, timed};
use super::work::{Stage, Stopped, Work};
use crate::contract::error::{Class, Error, ErrorKind, Result, StageError};
use crate::contract::needs::Needs;
use crate::contract::stage::{Batch, Guard, Lent, Loader, Takes, TransactionOf};
use crate::contract::target::Target;

pub(super) type RulesOf<'a, S> = <<<S as Loader>::InputGuard as Guard<<S as Loader>::In>>::Needs as Needs>::Lent<'a>;

/// A loader's function, and a connection.
pub(super) struct Lane<'a, S: Loader> {
    pub(super) lent: Lent<'a, S::Needs>,
    pub(super) rules: RulesOf<'a, S>,
    pub(super) stage: &'a Stage,
    pub(super) link: Link<S::Target>,
}

impl<'a, S: Loader> Lane<'a, S> {
    /// With no connection yet.
    pub(super) const fn new(lent: Lent<'a, S::Needs>, rules: RulesOf<'a, S>, stage: &'a Stage) -> Self {
        Self { lent, rules, stage, link: Link::new() }
    }

    /// Whether the function sees one record at a time.
    pub(super) const TAKES_RECORDS: bool = matches!(S::DEFINITION.takes, Takes::RecordLent);

    /// Loads `rows`, settling each of them in `work`.
    pub(super) async fn load_all(&mut self, rows: &[S::In], work: &mut Work<'_, ()>) -> ControlFlow<Stopped> {
        // Ranges still to be loaded; the first comes next, so the order is kept.
        let mut ranges = self.ranges(rows, work)?;
        while let Some(range) = ranges.pop_front() {
            if work.aborted() {
                work.give_up();
                return ControlFlow::Break(Stopped);
            }
            work.blame(range.start);
            let mut tries = Tries::new(self.stage);
            let result = self.attempts(&rows[range.start..range.end], &mut tries, work).await;
            let attempts = tries.attempts;
            match result {
                Ok(None) => work.loaded(range.len()),
                Ok(Some(outcomes)) => settle_outcomes(work, &range, outcomes, attempts, rows)?,
                Err(Failure::Own(error, at)) => match self.stage.effective(error.class()) {
                    Class::Skip | Class::Reject if range.len() == 1 => {
                        let shown = work.show(&rows[range.start]);
                        work.error(range.start, &error, attempts, shown)?;
                    }
                    // One record of the batch is to blame: find it by halving. Only what a
                    // transaction took back can be written again.
                    Class::Skip | Class::Reject if self.stage.definition.transactional => {
                        let middle = range.start + range.len() / 2;
                        ranges.push_front(middle..range.end);
                        ranges.push_front(range.start..middle);
                    }
                    Class::Skip | Class::Reject => {
                        let error = Error::from_stage(&error, crate::ErrorKind::Load)
                            .with_class(Class::Fail)
                            .hint("without a transaction nobody knows which records of the batch were written: take `&mut` the target's transaction, or return `Batch<(), _>`");
                        return work.stop(range.start, error);
                    }
                    // Retries that are used up never turn good records into dead letters.
                    Class::Retry | Class::Fail => {
                        return work.stop(range.start + at, tries.ended(Error::from_stage(&error, ErrorKind::Other)));
                    }
                },
                Err(Failure::Engine(error)) => return work.stop(range.start, tries.ended(error)),
                Err(Failure::GivenUp) => {
                    work.give_up();
                    return ControlFlow::Break(Stopped);
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// The runs of neighbouring records that keep the rules; the others are settled here.
    pub(super) fn ranges(&self, rows: &[S::In], work: &mut Work<'_, ()>) -> ControlFlow<Stopped, VecDeque<Range<usize>>> {
        // Without a transaction each record is a batch of its own: it is written or it is not.
        let each = Self::TAKES_RECORDS && !self.stage.definition.transactional;
        if !S::InputGuard::CHECKS || !self.stage.settings.validate {
            let whole = 0..rows.len();
            return ControlFlow::Continue(if each { whole.map(|at| at..at + 1).collect() } else { VecDeque::from([whole]) });
        }
        let mut ranges: VecDeque<Range<usize>> = VecDeque::new();
        for (index, record) in rows.iter().enumerate() {
            work.blame(index);
            if let Err(violations) = S::InputGuard::check(self.rules, record) {
                let shown = work.show(record);
                match work.invalid(index, &violations, shown) {
                    ControlFlow::Continue(()) => continue,
                    ControlFlow::Break(stopped) => return ControlFlow::Break(stopped),
                }
            }
            match ranges.back_mut() {
                Some(range) if range.end == index && !each => range.end += 1,
                _ => ranges.push_back(index..index + 1),
            }
        }
        ControlFlow::Continue(ranges)
    }

    /// Writes `rows`, again and again where an error of class retry allows it.
    async fn attempts(
        &mut self,
        rows: &[S::In],
        tries: &mut Tries<'_>,
        work: &mut Work<'_, ()>,
    ) -> Result<Option<Batch<(), S::Error>>, Failure<S::Error>> {
        loop {
            let result = self.attempt(rows).await;
            let error = match &result {
                Err(Failure::Own(error, _)) if error.class() == Class::Retry => Error::from_stage(error, ErrorKind::Load),
                Err(Failure::Engine(error)) if error.class() == Class::Retry => Error::from_stage(error, error.kind()),
                // Whoever finds fault with records has looked at them.
                Ok(_) | Err(Failure::Own(..)) => {
                    tries.answered(|| self.target_name());
                    return result;
                }
                Err(Failure::Engine(_) | Failure::GivenUp) => return result,
            };
            match tries.next(&error, self.target_name()).await {
                // A target without a ledger need not outlive its connection: what is in doubt of it is made anew.
                Next::Attempt | Next::Trial => work.tally.retries += 1,
                Next::Over => return result,
                Next::GivenUp => return Err(Failure::GivenUp),
            }
        }
    }

    /// What the target calls itself.
    pub(super) fn target_name(&self) -> Cow<'a, str> {
        S::target(self.lent).name()
    }

    /// Writes `rows` once, in one transaction.
    async fn attempt(&mut self, rows: &[S::In]) -> Result<Option<Batch<(), S::Error>>, Failure<S::Error>> {
        let (stage, lent) = (self.stage, self.lent);
        answered(stage, self.link.ready(S::target(lent))).await?;
        let Some((connection, doubt)) = self.link.lend() else { unreachable!("connected above") };
        let mut transaction: TransactionOf<'_, S> = answered(stage, <S::Target as Target>::begin(connection)).await?;
        let calls = if Self::TAKES_RECORDS { rows.chunks(1) } else { rows.chunks(rows.len().max(1)) };
        let failure = 'written: {
            let mut outcomes = None;
            for (at, records) in calls.enumerate() {
                match Self::call(stage, lent, records, &mut transaction).await {
                    Ok(None) => {}
                    Ok(Some(mut batch)) if records.len() < rows.len() => {
                        // One record at a time: its outcome is that of the call.
                        if let Some((_, error)) = batch.errors.pop() {
                            break 'written Failure::Own(error, at);
                        }
                    }
                    Ok(batch) => outcomes = batch,
                    Err(Failure::Own(error, place)) => break 'written Failure::Own(error, at + place),
                    Err(failure) => break 'written failure,
                }
            }
            commit(stage, transaction, false, doubt).await?;
            return Ok(outcomes);
        };
        roll_back(stage, transaction, doubt).await;
        Err(failure)
    }

    /// Calls the function once. What it returns can stand as far as the engine can tell.
    pub(super) async fn call(
        stage: &Stage,
        lent: Lent<'_, S::Needs>,
        records: &[S::In],
        transaction: &mut TransactionOf<'_, S>,
    ) -> Result<Option<Batch<(), S::Error>>, Failure<S::Error>> {
        let call = guarded_async(timed(stage, S::load(lent, records, transaction)));
        let written = tokio::select! {
            biased;
            written = call => written,
            // A target that does not answer keeps nobody who has given up.
            () = stage.abort.cancelled() => return Err(Failure::GivenUp),
        };
        match written {
            Ok(Ended::Done(Ok(Some(mut batch)))) => {
                // What cannot stand is rolled back, not committed and then complained of.
                let failure = if stage.definition.transactional { failure_among(&mut batch, records.len(), stage) } else { None };
                failure.map_or(Ok(Some(batch)), Err)
            }
            Ok(Ended::Done(Ok(None))) => Ok(None),
            Ok(Ended::Done(Err(error))) => Err(Failure::Own(error, 0)),
            // Trying again is safe where the transaction is rolled back.
            Ok(Ended::TimedOut(error)) => Err(Failure::Engine(error.with_class(Class::Retry))),
            Err(panic) => Err(Failure::Engine(panic)),
        }
    }
}

pub(super) enum Failure<E> {
    /// The loader's own error, and the record to blame, counted from the first that was written.
    Own(E, usize),
    /// A target's error, a timeout or a panic.
    Engine(Error),
    /// The run was given up while the target was waited for.
    GivenUp,
}

impl<E> From<Missed> for Failure<E> {
    fn from(missed: Missed) -> Self {
        match missed {
            Missed::GivenUp => Self::GivenUp,
            Missed::Failed(error) => Self::Engine(error),
        }
    }
}

/// Why the whole batch cannot stand, where single outcomes say so: one record that stops the run,
/// one that asks to be tried again, or not one outcome for each record.
pub(super) fn failure_among<E: StageError>(outcomes: &mut Batch<(), E>, records: usize, stage: &Stage) -> Option<Failure<E>> {
    if let Some(error) = miscounted(outcomes, records) {
        return Some(Failure::Engine(error));
    }
    let place = outcomes.errors.iter().position(|(_, error)| matches!(stage.effective(error.class()), Class::Retry | Class::Fail))?;
    let (at, error) = outcomes.errors.swap_remove(place);
    Some(Failure::Own(error, at as usize))
}

/// That there is not one outcome for each record.
fn miscounted<E>(outcomes: &Batch<(), E>, records: usize) -> Option<Error> {
    (outcomes.outcomes() != records).then(|| {
        Error::msg(format!("returned {} outcomes for {records} records", outcomes.outcomes()))
            .hint("a loader that returns a `Batch` gives one outcome per record: call `push(())` or `error` once for each")
    })
}

/// Settles each record by its own outcome.
pub(super) fn settle_outcomes<E: StageError, T: crate::contract::record::Record>(
    work: &mut Work<'_, ()>,
    range: &Range<usize>,
    outcomes: Batch<(), E>,
    attempts: u32,
    rows: &[T],
) -> ControlFlow<Stopped> {
    if let Some(error) = miscounted(&outcomes, range.len()) {
        return work.stop(range.start, error);
    }
    let mut errors = outcomes.errors.into_iter().peekable();
    for (place, index) in range.clone().enumerate() {
        match errors.next_if(|(failed, _)| *failed as usize == place) {
            None => work.loaded(1),
            Some((_, error)) => {
                let shown = work.show(&rows[index]);
                work.error(index, &error, attempts, shown)?;
            }
        }
    }
    ControlFlow::Continue(())
}
