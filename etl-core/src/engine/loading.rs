//! Loading: records are gathered to the loader's batch, written in a transaction, retried from the
//! retained original, and halved where one record spoils the batch.

#![allow(missing_debug_implementations, reason = "machinery that appears in sealed signatures and is never printed")]

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use super::breaker::{Next, Tries};
use super::lineage::{Lineage, Piece};
use super::link::{Link, Missed, answered, commit, roll_back};
use super::panics::guarded_async;
use super::parcel::{DecodedRecords, Parcel, Records};
use super::runners::{Ended, timed};
use super::sealing::Sealing;
use super::work::{Stage, Stopped, Tally, Work};
use crate::contract::error::{Class, Error, ErrorKind, Result, StageError};
use crate::contract::needs::Needs;
use crate::contract::source::Origin;
use crate::contract::stage::{Batch, Guard, Lent, Loader, Takes, TransactionOf};
use crate::contract::target::{Abandoned, Claim, Entry, Keeps, Preparation, Recalled, Receipt, Target};
use crate::delivery::tracker::Coverage;
use futures::FutureExt;
use futures::future::BoxFuture;

/// A loader at work, its record type erased.
pub trait LoadSession: Send {
    /// The target's name.
    fn target(&self) -> String;
    /// Whether what is committed appears all at once, at the end of the run.
    fn appears_whole(&self) -> bool;
    /// Looks whether records can be written, and makes ready.
    fn prepare(&mut self, preparation: Preparation) -> BoxFuture<'_, Result<()>>;
    /// Opens the connection.
    fn connect(&mut self) -> BoxFuture<'_, Result<()>>;
    /// Where it is kept how far the run has come.
    fn keeps(&self) -> Keeps;
    /// Looks what has become of an earlier run's mark.
    fn recall<'s>(&'s self, mark: &'s str) -> BoxFuture<'s, Result<Recalled>>;
    /// Becomes the only run that can commit, and reads the ledger.
    fn claim<'s>(&'s mut self, claim: &'s Claim) -> BoxFuture<'s, Result<Vec<Entry>>>;
    /// Says that the run is still alive.
    fn renew(&mut self) -> BoxFuture<'_, Result<()>>;
    /// Makes durable what was committed, and says what of the target that is.
    fn checkpoint(&mut self) -> BoxFuture<'_, Result<Option<String>>>;
    /// The same of everything, as it will be published.
    fn seal(&mut self) -> BoxFuture<'_, Result<Option<String>>>;
    /// Takes records that are to be loaded.
    fn gather(&mut self, parcel: Parcel);
    /// How many records wait.
    fn waiting(&self) -> usize;
    /// Whether nothing waits, not even a parcel without records that is still to be noted as done.
    fn is_idle(&self) -> bool;
    /// Loads some of what waits.
    fn load(&mut self, amount: Amount) -> BoxFuture<'_, Loaded>;
    /// Loads the first parcels that wait and notes them in the target's ledger, in one transaction.
    fn load_parcels<'s>(&'s mut self, sealing: Sealing<'s>) -> BoxFuture<'s, (Tally, Vec<Coverage>)>;
    /// Notes in the target's ledger that the source is at its end.
    fn seal_end<'s>(&'s mut self, receipt: &'s Receipt) -> BoxFuture<'s, Result<()>>;
    /// Gives up the records that wait.
    fn give_up(&mut self) -> Tally;
    /// The run ended well: what was committed becomes durable and visible.
    fn publish(&mut self) -> BoxFuture<'_, Result<()>>;
    /// The run did not end well.
    fn abandon(&mut self) -> BoxFuture<'_, Abandoned>;
}

/// How much of what waits is loaded.
#[derive(Clone, Copy, Debug)]
pub enum Amount {
    /// The first so many records.
    Records(usize),
    /// The first parcels, whole, as many as a batch has room for.
    Parcels,
}

/// What came of a load.
pub struct Loaded {
    pub(super) tally: Tally,
    /// The origin of each excluded record.
    pub(super) origins: Vec<Arc<dyn Origin>>,
    /// What of the source was loaded, where the run is followed.
    pub(super) covered: Vec<Coverage>,
}

type RulesOf<'a, S> = <<<S as Loader>::InputGuard as Guard<<S as Loader>::In>>::Needs as Needs>::Lent<'a>;

pub(crate) struct Session<'a, S: Loader> {
    pub(super) lent: Lent<'a, S::Needs>,
    rules: RulesOf<'a, S>,
    pub(super) stage: &'a Stage,
    pub(super) link: Link<S::Target>,
    rows: Vec<S::In>,
    /// The vector of the last batch, for the records that wait behind the next one.
    spare: Vec<S::In>,
    /// Where the waiting records came from, in the same order.
    pieces: VecDeque<Piece>,
    /// That of the last batch, emptied.
    lineage: Lineage,
}

impl<'a, S: Loader> Session<'a, S> {
    pub(crate) fn new(lent: Lent<'a, S::Needs>, rules: RulesOf<'a, S>, stage: &'a Stage) -> Self {
        Self {
            lent,
            rules,
            stage,
            link: Link::new(),
            rows: Vec::new(),
            spare: Vec::new(),
            pieces: VecDeque::new(),
            lineage: Lineage::default(),
        }
    }

    /// Whether the function sees one record at a time.
    pub(super) const TAKES_RECORDS: bool = matches!(S::DEFINITION.takes, Takes::RecordLent);

    /// Takes the first `count` waiting records, and where each came from.
    fn take(&mut self, count: usize) -> (Vec<S::In>, Lineage) {
        let mut rest = std::mem::take(&mut self.spare);
        rest.extend(self.rows.drain(count..));
        let rows = std::mem::replace(&mut self.rows, rest);
        let mut lineage = std::mem::take(&mut self.lineage);
        let mut missing = count;
        while missing > 0 {
            let Some(mut piece) = self.pieces.pop_front() else { break };
            if piece.length > missing {
                let front = piece.split_front(missing);
                self.pieces.push_front(piece);
                piece = front;
            }
            missing -= piece.length;
            lineage.push(piece);
        }
        (rows, lineage)
    }

    /// Takes whole parcels, as many as a batch has room for, and at least one; and what they cover.
    fn take_parcels(&mut self) -> (Vec<S::In>, Lineage, Vec<Coverage>) {
        let (mut count, mut covered) = (0, Vec::new());
        let mut pieces = std::mem::take(&mut self.pieces);
        let mut taken = VecDeque::new();
        while let Some(mut piece) = pieces.pop_front() {
            if !covered.is_empty() && count + piece.length > self.stage.settings.batch {
                pieces.push_front(piece);
                break;
            }
            count += piece.length;
            covered.extend(piece.coverage.take().map(|coverage| *coverage));
            if piece.length > 0 {
                taken.push_back(piece);
            }
        }
        self.pieces = taken;
        let (rows, lineage) = self.take(count);
        self.pieces = pieces;
        (rows, lineage, covered)
    }

    /// Loads `rows`, settling each of them in `work`.
    async fn load_all(&mut self, rows: &[S::In], work: &mut Work<'_, ()>) -> ControlFlow<Stopped> {
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

impl<S: Loader> LoadSession for Session<'_, S> {
    fn target(&self) -> String {
        S::target(self.lent).name().into_owned()
    }

    fn appears_whole(&self) -> bool {
        S::target(self.lent).appears_whole()
    }

    fn prepare(&mut self, preparation: Preparation) -> BoxFuture<'_, Result<()>> {
        S::target(self.lent).prepare(preparation).boxed()
    }

    fn connect(&mut self) -> BoxFuture<'_, Result<()>> {
        async move {
            self.link.ready(S::target(self.lent)).await?;
            Ok(())
        }
        .boxed()
    }

    fn keeps(&self) -> Keeps {
        S::target(self.lent).keeps()
    }

    fn recall<'s>(&'s self, mark: &'s str) -> BoxFuture<'s, Result<Recalled>> {
        S::target(self.lent).recall(mark).boxed()
    }

    fn claim<'s>(&'s mut self, claim: &'s Claim) -> BoxFuture<'s, Result<Vec<Entry>>> {
        async move {
            let target = S::target(self.lent);
            target.claim(self.link.ready(target).await?, claim).await
        }
        .boxed()
    }

    fn renew(&mut self) -> BoxFuture<'_, Result<()>> {
        async move {
            let target = S::target(self.lent);
            target.renew(self.link.ready(target).await?).await
        }
        .boxed()
    }

    fn checkpoint(&mut self) -> BoxFuture<'_, Result<Option<String>>> {
        async move {
            let target = S::target(self.lent);
            target.checkpoint(self.link.ready(target).await?).await
        }
        .boxed()
    }

    fn seal(&mut self) -> BoxFuture<'_, Result<Option<String>>> {
        async move {
            let target = S::target(self.lent);
            target.seal(self.link.ready(target).await?).await
        }
        .boxed()
    }

    fn seal_end<'s>(&'s mut self, receipt: &'s Receipt) -> BoxFuture<'s, Result<()>> {
        self.seal_alone(receipt).boxed()
    }

    fn gather(&mut self, parcel: Parcel) {
        // The last segment decodes, so a parcel that arrives here always is.
        let Records::Decoded(mut records) = parcel.records else { return };
        // One of which nothing is left has the rows of the stage that took the last of them.
        let mut rows: Vec<S::In> = if records.len() == 0 { Vec::new() } else { records.take() };
        let DecodedRecords { inputs, origin, .. } = records;
        if rows.is_empty() && parcel.coverage.is_none() {
            return;
        }
        self.pieces.push_back(Piece { origin, inputs, start: 0, length: rows.len(), share: parcel.share, coverage: parcel.coverage });
        // A parcel that is a batch is not copied; smaller ones are, to a vector that has the room.
        if self.rows.is_empty() && (rows.len() >= self.stage.settings.batch || rows.capacity() > self.rows.capacity()) {
            std::mem::swap(&mut self.rows, &mut rows);
        } else {
            self.rows.append(&mut rows);
        }
        self.stage.spares.give(rows);
    }

    fn waiting(&self) -> usize {
        self.rows.len()
    }

    fn is_idle(&self) -> bool {
        self.pieces.is_empty()
    }

    fn load_parcels<'s>(&'s mut self, sealing: Sealing<'s>) -> BoxFuture<'s, (Tally, Vec<Coverage>)> {
        async move {
            let (mut rows, mut lineage, covered) = self.take_parcels();
            let mut tally = Tally::default();
            let ended = guarded_async(self.load_sealed(&rows, &lineage, &covered, sealing, &mut tally)).await;
            if let Err(panic) = ended {
                tally.fail(rows.len(), self.stage.failure(panic));
            }
            rows.clear();
            self.spare = rows;
            lineage.clear().filter_map(|piece| piece.inputs).for_each(|inputs| self.stage.spares.give(inputs));
            self.lineage = lineage;
            (tally, covered)
        }
        .boxed()
    }

    fn load(&mut self, amount: Amount) -> BoxFuture<'_, Loaded> {
        async move {
            let (mut rows, mut lineage, covered) = match amount {
                Amount::Records(count) => {
                    let (rows, lineage) = self.take(count);
                    (rows, lineage, Vec::new())
                }
                Amount::Parcels => self.take_parcels(),
            };
            let mut tally = Tally { batches: 1, ..Tally::default() };
            let stage = self.stage;
            let mut work = Work::new(stage, &mut tally, &lineage, None, rows.len());
            // The tally says what happened, also where it stopped the run.
            let ended = guarded_async(self.load_all(&rows, &mut work)).await;
            if let Err(panic) = ended {
                let at = work.at();
                let _stopped = work.stop(at, panic);
            }
            drop(work);
            rows.clear();
            self.spare = rows;
            // From the batch's own numbers to those of the source.
            let mut origins = Vec::with_capacity(tally.excluded.len());
            for excluded in &mut tally.excluded {
                let (origin, input) = lineage.of(excluded.input as usize);
                origins.push(Arc::clone(origin));
                excluded.input = input;
            }
            lineage.clear().filter_map(|piece| piece.inputs).for_each(|inputs| self.stage.spares.give(inputs));
            self.lineage = lineage;
            Loaded { tally, origins, covered }
        }
        .boxed()
    }

    fn give_up(&mut self) -> Tally {
        let mut tally = Tally::default();
        tally.give_up(self.rows.len());
        self.rows.clear();
        self.pieces.clear();
        tally
    }

    fn publish(&mut self) -> BoxFuture<'_, Result<()>> {
        async move {
            let target = S::target(self.lent);
            self.link.ready(target).await?;
            let Some(connection) = self.link.take(target).await else { unreachable!("connected above") };
            target.publish(connection).await
        }
        .boxed()
    }

    fn abandon(&mut self) -> BoxFuture<'_, Abandoned> {
        async move {
            let target = S::target(self.lent);
            match self.link.take(target).await {
                Some(connection) => target.abandon(connection).await,
                None => Abandoned::Kept,
            }
        }
        .boxed()
    }
}
