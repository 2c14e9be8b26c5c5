//! Loading: records are gathered to the loader's batch, written in a transaction, retried from the
//! retained original, and halved where one record spoils the batch.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::panics::guarded_async;
use super::parcel::{DecodedRecords, Parcel, Records, Share};
use super::retry::{Begun, pauses};
use super::runners::{Ended, timed};
use super::work::{Stage, Stopped, Tally, Work};
use crate::contract::error::{Class, Error, Result, StageError};
use crate::contract::needs::Needs;
use crate::contract::position::Position;
use crate::contract::source::Origin;
use crate::contract::stage::{Batch, Guard, Lent, Loader, Takes, TransactionOf};
use crate::contract::target::{Abandoned, Preparation, Target, Transaction};
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
    /// Takes records that are to be loaded.
    fn gather(&mut self, parcel: Parcel);
    /// How many records wait.
    fn waiting(&self) -> usize;
    /// Loads the first `count` records that wait. Returns what happened and the origin of each
    /// excluded record.
    fn load(&mut self, count: usize) -> BoxFuture<'_, (Tally, Vec<Arc<dyn Origin>>)>;
    /// Gives up the records that wait.
    fn give_up(&mut self) -> Tally;
    /// The run ended well: what was committed becomes durable and visible.
    fn publish(&mut self) -> BoxFuture<'_, Result<()>>;
    /// The run did not end well.
    fn abandon(&mut self) -> BoxFuture<'_, Abandoned>;
}

type RulesOf<'a, S> = <<<S as Loader>::InputGuard as Guard<<S as Loader>::In>>::Needs as Needs>::Lent<'a>;

pub(crate) struct Session<'a, S: Loader> {
    lent: Lent<'a, S::Needs>,
    rules: RulesOf<'a, S>,
    stage: &'a Stage,
    connection: Option<<S::Target as Target>::Connection>,
    rows: Vec<S::In>,
    /// The vector of the last batch, for the records that wait behind the next one.
    spare: Vec<S::In>,
    /// Where the waiting records came from, in the same order.
    pieces: VecDeque<Piece>,
    /// That of the last batch, emptied.
    lineage: Lineage,
}

/// Records of one parcel that follow each other.
struct Piece {
    origin: Arc<dyn Origin>,
    /// The index in the origin of each record from `start` on; `None` where it is its place there.
    inputs: Option<Vec<u32>>,
    start: usize,
    length: usize,
    /// The records' part of the memory budget, until they are loaded.
    share: Share,
}

impl Piece {
    /// The origin's index of record `place` of the piece.
    fn input(&self, place: usize) -> u32 {
        let place = self.start + place;
        self.inputs.as_ref().map_or(place as u32, |inputs| inputs[place])
    }

    /// Parts off the first `count` records.
    fn split_front(&mut self, count: usize) -> Self {
        let share = self.share.split(count, self.length);
        let end = self.start + count;
        let (start, inputs) = match &self.inputs {
            Some(inputs) => (0, Some(inputs[self.start..end].to_vec())),
            None => (self.start, None),
        };
        let front = Self { origin: Arc::clone(&self.origin), inputs, start, length: count, share };
        self.start += count;
        self.length -= count;
        front
    }
}

impl<'a, S: Loader> Session<'a, S> {
    pub(crate) fn new(lent: Lent<'a, S::Needs>, rules: RulesOf<'a, S>, stage: &'a Stage) -> Self {
        Self {
            lent,
            rules,
            stage,
            connection: None,
            rows: Vec::new(),
            spare: Vec::new(),
            pieces: VecDeque::new(),
            lineage: Lineage::default(),
        }
    }

    /// Whether the function sees one record at a time.
    const TAKES_RECORDS: bool = matches!(S::DEFINITION.takes, Takes::RecordLent);

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
            lineage.starts.push(count - missing);
            missing -= piece.length;
            lineage.pieces.push(piece);
        }
        (rows, lineage)
    }

    /// Loads `rows`, settling each of them in `work`.
    async fn load_all(&mut self, rows: &[S::In], work: &mut Work<'_, ()>) -> ControlFlow<Stopped> {
        // Without a transaction each record is a batch of its own: it is written or it is not.
        let each = Self::TAKES_RECORDS && !self.stage.definition.transactional;
        // Ranges still to be loaded; the first comes next, so the order is kept.
        let mut ranges: VecDeque<Range> = if each {
            (0..rows.len()).map(|at| Range { start: at, end: at + 1 }).collect()
        } else {
            VecDeque::from([Range { start: 0, end: rows.len() }])
        };
        if S::InputGuard::CHECKS && self.stage.settings.validate {
            ranges = self.valid_ranges(rows, each, work)?;
        }
        while let Some(range) = ranges.pop_front() {
            if work.aborted() {
                work.give_up();
                return ControlFlow::Break(Stopped);
            }
            work.blame(range.start);
            let (attempts, result) = self.attempts(&rows[range.start..range.end], work).await;
            match result {
                Ok(None) => work.loaded(range.length()),
                Ok(Some(outcomes)) => settle_outcomes(work, &range, outcomes, attempts, rows)?,
                Err(Failure::Own(error, at)) => match self.stage.effective(error.class()) {
                    Class::Skip | Class::Reject if range.length() == 1 => {
                        let shown = work.show(&rows[range.start]);
                        work.error(range.start, &error, attempts, shown)?;
                    }
                    // One record of the batch is to blame: find it by halving. Only what a
                    // transaction took back can be written again.
                    Class::Skip | Class::Reject if self.stage.definition.transactional => {
                        let middle = range.start + range.length() / 2;
                        ranges.push_front(Range { start: middle, end: range.end });
                        ranges.push_front(Range { start: range.start, end: middle });
                    }
                    Class::Skip | Class::Reject => {
                        let error = Error::from_stage(&error, crate::ErrorKind::Load)
                            .with_class(Class::Fail)
                            .hint("without a transaction nobody knows which records of the batch were written: take `&mut` the target's transaction, or return `Batch<(), _>`");
                        return work.stop(range.start, error);
                    }
                    Class::Retry | Class::Fail => return work.error(range.start + at, &error, attempts, None),
                },
                Err(Failure::Engine(error)) => return work.stop(range.start, error.after(attempts)),
                Err(Failure::GivenUp) => {
                    work.give_up();
                    return ControlFlow::Break(Stopped);
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// The runs of neighbouring records that keep the rules; the others are settled here.
    fn valid_ranges(&self, rows: &[S::In], each: bool, work: &mut Work<'_, ()>) -> ControlFlow<Stopped, VecDeque<Range>> {
        let mut ranges: VecDeque<Range> = VecDeque::new();
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
                _ => ranges.push_back(Range { start: index, end: index + 1 }),
            }
        }
        ControlFlow::Continue(ranges)
    }

    /// Writes `rows`, again and again where an error of class retry allows it.
    async fn attempts(&mut self, rows: &[S::In], work: &mut Work<'_, ()>) -> (u32, Result<Option<Batch<(), S::Error>>, Failure<S::Error>>) {
        let mut pauses = pauses(&self.stage.settings, Begun::now(&self.stage.settings));
        let mut attempts = 1;
        loop {
            let result = self.attempt(rows).await;
            let again = match &result {
                Err(Failure::Own(error, _)) => error.class() == Class::Retry,
                Err(Failure::Engine(error)) => error.class() == Class::Retry,
                Ok(_) | Err(Failure::GivenUp) => false,
            };
            match pauses.next() {
                Some(pause) if again && !work.aborted() => self.stage.pause(pause).await,
                _ => return (attempts, result),
            }
            attempts += 1;
            work.tally.retries += 1;
        }
    }

    /// Writes `rows` once, in one transaction.
    async fn attempt(&mut self, rows: &[S::In]) -> Result<Option<Batch<(), S::Error>>, Failure<S::Error>> {
        if self.connection.is_none() {
            self.connection = Some(S::target(self.lent).connect().await?);
        }
        let Some(connection) = &mut self.connection else { unreachable!("connected above") };
        let mut transaction: TransactionOf<'_, S> = <S::Target as Target>::begin(connection).await?;
        let calls = if Self::TAKES_RECORDS { rows.chunks(1) } else { rows.chunks(rows.len().max(1)) };
        let failure = 'written: {
            let mut outcomes = None;
            for (at, records) in calls.enumerate() {
                let call = guarded_async(timed(self.stage, S::load(self.lent, records, &mut transaction)));
                let written = tokio::select! {
                    biased;
                    written = call => written,
                    // A target that does not answer keeps nobody who has given up.
                    () = self.stage.abort.cancelled() => break 'written Failure::GivenUp,
                };
                match written {
                    Ok(Ended::Done(Ok(None))) => {}
                    Ok(Ended::Done(Ok(Some(mut batch)))) if records.len() < rows.len() => {
                        // One record at a time: its outcome is that of the call.
                        if let Some((_, error)) = batch.errors.pop() {
                            break 'written Failure::Own(error, at);
                        }
                    }
                    Ok(Ended::Done(Ok(Some(mut batch)))) => {
                        // What cannot stand is rolled back, not committed and then complained of.
                        if self.stage.definition.transactional
                            && let Some(failure) = failure_among(&mut batch, records.len(), self.stage)
                        {
                            break 'written failure;
                        }
                        outcomes = Some(batch);
                    }
                    Ok(Ended::Done(Err(error))) => break 'written Failure::Own(error, at),
                    // Trying again is safe where the transaction is rolled back below.
                    Ok(Ended::TimedOut(error)) => break 'written Failure::Engine(error.with_class(Class::Retry)),
                    Err(panic) => break 'written Failure::Engine(panic),
                }
            }
            transaction.commit().await?;
            return Ok(outcomes);
        };
        if let Err(rollback) = transaction.rollback().await {
            tracing::warn!(stage = self.stage.definition.name, error = %rollback, "rollback failed");
        }
        Err(failure)
    }
}

/// Half-open, in the batch.
struct Range {
    start: usize,
    end: usize,
}

impl Range {
    fn length(&self) -> usize {
        self.end - self.start
    }
}

enum Failure<E> {
    /// The loader's own error, and the record to blame, counted from the first that was written.
    Own(E, usize),
    /// A target's error, a timeout or a panic.
    Engine(Error),
    /// The run was given up while the target was waited for.
    GivenUp,
}

impl<E> From<Error> for Failure<E> {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

/// Why the whole batch cannot stand, where single outcomes say so: one record that stops the run,
/// one that asks to be tried again, or not one outcome for each record.
fn failure_among<E: StageError>(outcomes: &mut Batch<(), E>, records: usize, stage: &Stage) -> Option<Failure<E>> {
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
fn settle_outcomes<E: StageError, T: crate::contract::record::Record>(
    work: &mut Work<'_, ()>,
    range: &Range,
    outcomes: Batch<(), E>,
    attempts: u32,
    rows: &[T],
) -> ControlFlow<Stopped> {
    if let Some(error) = miscounted(&outcomes, range.length()) {
        return work.stop(range.start, error);
    }
    let mut errors = outcomes.errors.into_iter().peekable();
    for (place, index) in (range.start..range.end).enumerate() {
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

/// Where each record of a loader's batch came from: it may hold pieces of several parcels.
#[derive(Default)]
struct Lineage {
    pieces: Vec<Piece>,
    /// The place in the batch of each piece's first record.
    starts: Vec<usize>,
}

impl Lineage {
    /// The origin of record `index` of the batch, and its index there.
    fn of(&self, index: usize) -> (&Arc<dyn Origin>, u32) {
        let piece = self.starts.partition_point(|start| *start <= index) - 1;
        (&self.pieces[piece].origin, self.pieces[piece].input(index - self.starts[piece]))
    }
}

/// For the bookkeeping, a loader's batch is an origin of its own, numbered by place in the batch.
impl Origin for Lineage {
    fn position(&self, index: u32) -> Position {
        let (origin, index) = self.of(index as usize);
        origin.position(index)
    }

    fn payload(&self, index: u32) -> Option<std::borrow::Cow<'_, [u8]>> {
        let (origin, index) = self.of(index as usize);
        origin.payload(index)
    }
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
            self.connection = Some(S::target(self.lent).connect().await?);
            Ok(())
        }
        .boxed()
    }

    fn gather(&mut self, parcel: Parcel) {
        // The last segment decodes, so a parcel that arrives here always is.
        let Records::Decoded(mut records) = parcel.records else { return };
        let mut rows: Vec<S::In> = records.take();
        let DecodedRecords { inputs, origin, .. } = records;
        if rows.is_empty() {
            return;
        }
        self.pieces.push_back(Piece { origin, inputs, start: 0, length: rows.len(), share: parcel.share });
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

    fn load(&mut self, count: usize) -> BoxFuture<'_, (Tally, Vec<Arc<dyn Origin>>)> {
        async move {
            let (mut rows, mut lineage) = self.take(count);
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
            lineage.starts.clear();
            lineage.pieces.drain(..).filter_map(|piece| piece.inputs).for_each(|inputs| self.stage.spares.give(inputs));
            self.lineage = lineage;
            (tally, origins)
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
            let connection = match self.connection.take() {
                Some(connection) => connection,
                None => S::target(self.lent).connect().await?,
            };
            S::target(self.lent).publish(connection).await
        }
        .boxed()
    }

    fn abandon(&mut self) -> BoxFuture<'_, Abandoned> {
        async move {
            match self.connection.take() {
                Some(connection) => S::target(self.lent).abandon(connection).await,
                None => Abandoned::Kept,
            }
        }
        .boxed()
    }
}
