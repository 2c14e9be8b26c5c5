//! A function on whole batches: called on slices of the travelling batch, one outcome per input.

use std::ops::ControlFlow;

use super::plain::put_back;
use super::{LentAll, RunsAsync, RunsPlain};
use crate::contract::error::{Class, Error, ErrorKind, StageError};
use crate::contract::needs::Needs;
use crate::contract::stage::{Batch, BatchAsync, BatchPlain, FeedBatch, Guard, Transform, ways};
use crate::engine::panics::guarded_async;
use crate::engine::parcel::DecodedRecords;
use crate::engine::retry::{Begun, pauses};
use crate::engine::runners::asynchronous::{Ended, timed};
use crate::engine::work::{RulesLent, Stage, Stopped, Tally, Work};

impl<S: BatchPlain> RunsPlain<S> for ways::BatchPlain {
    fn run((lent, rules, out_rules): LentAll<'_, S>, stage: &Stage, state: &mut S::State, records: &mut DecodedRecords, tally: &mut Tally) {
        let rows: Vec<S::In> = records.take();
        let mut work = Work::new(stage, tally, records.origin.as_ref(), records.inputs.as_deref(), rows.len()).with_room();
        let mut slices = Slices::new(rows, stage.settings.batch);
        while let Some(Slice { indexes, mut rows, shown }) = slices.next::<S>(&mut work, rules) {
            let Some(&first) = indexes.first() else { continue };
            work.blame(first);
            let mut pauses = pauses(stage, Begun::now(&stage.settings));
            let mut attempts = 1;
            let result = loop {
                let result = S::call(lent, state, <S::Feed as FeedBatch<S::In>>::arg(&mut rows));
                match &result {
                    Err(error) if error.class() == Class::Retry && !work.aborted() => match pauses.next() {
                        Some(pause) => stage.pause_worker(pause),
                        None => break result,
                    },
                    _ => break result,
                }
                attempts += 1;
                work.tally.retries += 1;
            };
            if settle_slice::<S>(&mut work, &indexes, &shown, result, attempts, out_rules).is_break() {
                break;
            }
        }
        put_back::<S>(work.finish(), records, &stage.spares);
    }
}

impl<S: BatchAsync> RunsAsync<S> for ways::BatchAsync {
    async fn run<'a>(
        (lent, rules, out_rules): LentAll<'a, S>,
        stage: &'a Stage,
        state: &'a mut S::State,
        records: &'a mut DecodedRecords,
        tally: &'a mut Tally,
    ) {
        let rows: Vec<S::In> = records.take();
        let mut work = Work::new(stage, tally, records.origin.as_ref(), records.inputs.as_deref(), rows.len()).with_room();
        let mut slices = Slices::new(rows, stage.settings.batch);
        while let Some(Slice { indexes, mut rows, shown }) = slices.next::<S>(&mut work, rules) {
            let Some(&first) = indexes.first() else { continue };
            work.blame(first);
            let mut pauses = pauses(stage, Begun::now(&stage.settings));
            let mut attempts = 1;
            // The semaphore is never closed.
            let permit = stage.calls.acquire().await;
            let result = loop {
                stage.keep_pace(indexes.len()).await;
                let call = S::call(lent, state, <S::Feed as FeedBatch<S::In>>::arg(&mut rows));
                let ended = guarded_async(timed(stage, call)).await;
                let result = match ended {
                    Err(panic) => break Err(panic),
                    Ok(Ended::Done(Err(error))) if error.class() == Class::Retry => Ok(Err(error)),
                    Ok(Ended::Done(done)) => break Ok(done),
                    Ok(Ended::TimedOut(error)) => Err(error),
                };
                match pauses.next() {
                    Some(pause) if !work.aborted() => stage.pause(pause).await,
                    _ => break result,
                }
                attempts += 1;
                work.tally.retries += 1;
            };
            drop(permit);
            let settled = match result {
                Ok(result) => settle_slice::<S>(&mut work, &indexes, &shown, result, attempts, out_rules),
                Err(error) => work.stop(first, error.after(attempts)),
            };
            if settled.is_break() {
                break;
            }
        }
        put_back::<S>(work.finish(), records, &stage.spares);
    }
}

/// The travelling batch, cut to the size that the function asks for.
struct Slices<T> {
    rows: std::iter::Enumerate<std::vec::IntoIter<T>>,
    size: usize,
}

/// What one call sees.
struct Slice<T> {
    /// The index of each record among the stage's inputs.
    indexes: Vec<usize>,
    rows: Vec<T>,
    /// The records as JSON, if nothing else would be left of them.
    shown: Vec<Option<Vec<u8>>>,
}

impl<T> Slices<T> {
    fn new(rows: Vec<T>, size: usize) -> Self {
        Self { rows: rows.into_iter().enumerate(), size: size.max(1) }
    }

    /// The next records that keep the rules; `None` at the end, or when a broken rule stops the run.
    fn next<S: Transform<In = T>>(
        &mut self,
        work: &mut Work<'_, S::Out>,
        rules: <<S::InputGuard as Guard<T>>::Needs as Needs>::Lent<'_>,
    ) -> Option<Slice<T>>
    where
        T: crate::contract::record::Record,
    {
        if self.rows.len() > 0 && work.aborted() {
            work.give_up();
            return None;
        }
        let mut slice = Slice { indexes: Vec::new(), rows: Vec::with_capacity(self.size.min(self.rows.len())), shown: Vec::new() };
        let must_show = work.must_show();
        let mut any = false;
        while slice.rows.len() < self.size {
            let Some((index, record)) = self.rows.next() else { break };
            any = true;
            work.blame(index);
            match super::plain::enters::<S>(work, index, &record, rules) {
                ControlFlow::Continue(true) => {}
                ControlFlow::Continue(false) => continue,
                ControlFlow::Break(Stopped) => return None,
            }
            slice.indexes.push(index);
            if must_show {
                slice.shown.push(work.show(&record));
            }
            slice.rows.push(record);
        }
        if any {
            work.tally.batches += 1;
            Some(slice)
        } else {
            None
        }
    }
}

/// Settles each record of a slice by its own outcome, or by the error of the batch, which speaks
/// for each of its records.
fn settle_slice<S: Transform>(
    work: &mut Work<'_, S::Out>,
    indexes: &[usize],
    shown: &[Option<Vec<u8>>],
    result: Result<Batch<S::Out, S::Error>, S::Error>,
    attempts: u32,
    out_rules: RulesLent<'_, S>,
) -> ControlFlow<Stopped> {
    let shown = |place: usize| shown.get(place).cloned().flatten();
    let batch = match result {
        Ok(batch) => batch,
        Err(error) => {
            for (place, index) in indexes.iter().enumerate() {
                work.error(*index, &error, attempts, shown(place))?;
            }
            return ControlFlow::Continue(());
        }
    };
    if batch.outcomes() != indexes.len() {
        let error = Error::new(ErrorKind::Transformation, format!("returned {} outcomes for {} records", batch.outcomes(), indexes.len()))
            .hint("a batch stage gives one outcome per record: call `push`, `extend_one`, `filter` or `error` once for each");
        return work.stop(indexes[0], error);
    }
    let mut records = batch.records.into_iter();
    let mut inputs = batch.inputs.map(|inputs| inputs.into_iter().peekable());
    let mut errors = batch.errors.into_iter().peekable();
    for (place, index) in indexes.iter().enumerate() {
        let place_u32 = place as u32;
        if let Some((_, error)) = errors.next_if(|(failed, _)| *failed == place_u32) {
            work.error(*index, &error, attempts, shown(place))?;
            continue;
        }
        let before = work.out.len();
        match &mut inputs {
            None => work.out.extend(records.next()),
            Some(inputs) => {
                while inputs.next_if(|input| *input == place_u32).is_some() {
                    work.out.extend(records.next());
                }
            }
        }
        super::plain::settle::<S>(work, *index, before, out_rules)?;
    }
    ControlFlow::Continue(())
}
