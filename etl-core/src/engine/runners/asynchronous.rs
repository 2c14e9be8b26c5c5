//! An `async fn` on single records: several calls under way at once, results in the order of the
//! records.
//!
//! Concurrency and the reorder window are two numbers: the window is the batch, so that one slow
//! call does not hold up the others; the permits are shared by all batches of the stage.

use std::ops::ControlFlow;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::plain::{enters, noted, put_back, settle};
use super::{LentAll, RunsAsync};
use crate::contract::error::{Class, Error, ErrorKind, StageError};
use crate::contract::stage::{EachAsync, EachAsyncStateful, FeedAgain, Lent, Owned, StageReturn, Transform, ways};
use crate::engine::effects::Intended;
use crate::engine::panics::guarded_async;
use crate::engine::parcel::DecodedRecords;
use crate::engine::retry::{Begun, pauses};
use crate::engine::work::{RulesLent, Stage, Stopped, Tally, Work};

/// How one call ended.
pub(in crate::engine) enum Ended<T> {
    Done(T),
    TimedOut(Error),
}

/// Awaits a call for as long as the stage allows.
pub(in crate::engine) async fn timed<F: Future>(stage: &Stage, call: F) -> Ended<F::Output> {
    match stage.settings.timeout {
        None => Ended::Done(call.await),
        Some(limit) => match tokio::time::timeout(limit, call).await {
            Ok(value) => Ended::Done(value),
            Err(_elapsed) => Ended::TimedOut(timed_out(limit)),
        },
    }
}

pub(in crate::engine) fn timed_out(limit: Duration) -> Error {
    Error::new(ErrorKind::TimedOut, format!("took longer than its timeout of {}", humantime::format_duration(limit)))
        .hint("raise `timeout`, or look at what the stage waits for")
}

/// What came of one record.
struct Outcome<S: Transform> {
    index: usize,
    attempts: u32,
    result: Result<Vec<S::Out>, Failed<S::Error>>,
}

enum Failed<E> {
    Own(E),
    Engine(Error),
}

/// Calls until it succeeds, fails for good, or has used up its retries.
async fn until_settled<S, R, F>(stage: &Stage, index: usize, mut call: impl FnMut() -> F + Send) -> Outcome<S>
where
    S: Transform,
    R: StageReturn<Record = S::Out, Error = S::Error> + Send,
    F: Future<Output = R> + Send,
{
    // The semaphore is never closed.
    let _permit = stage.calls.acquire().await;
    let mut pauses = pauses(stage, Begun::now(&stage.settings));
    let mut attempts = 1;
    loop {
        stage.keep_pace(1).await;
        let failed = match guarded_async(timed(stage, call())).await {
            Err(panic) => return Outcome { index, attempts, result: Err(Failed::Engine(panic)) },
            Ok(Ended::TimedOut(error)) => Failed::Engine(error),
            Ok(Ended::Done(value)) => {
                let mut out = Vec::with_capacity(1);
                match value.emit(&mut out) {
                    Ok(()) => return Outcome { index, attempts, result: Ok(out) },
                    Err(error) if error.class() == Class::Retry => Failed::Own(error),
                    Err(error) => return Outcome { index, attempts, result: Err(Failed::Own(error)) },
                }
            }
        };
        match pauses.next() {
            Some(pause) if !stage.abort.is_cancelled() => {
                stage.pause(pause).await;
                attempts += 1;
            }
            _ => return Outcome { index, attempts, result: Err(failed) },
        }
    }
}

/// Calls once: the record is given away, so there is nothing to try again with.
async fn call_owned<S: EachAsync<Feed = Owned>>(lent: Lent<'_, S::Needs>, stage: &Stage, index: usize, record: S::In) -> Outcome<S> {
    let _permit = stage.calls.acquire().await;
    stage.keep_pace(1).await;
    let result = match guarded_async(timed(stage, S::call(lent, record))).await {
        Err(panic) => Err(Failed::Engine(panic)),
        Ok(Ended::TimedOut(error)) => Err(Failed::Engine(error)),
        Ok(Ended::Done(value)) => {
            let mut out = Vec::with_capacity(1);
            value.emit(&mut out).map(|()| out).map_err(Failed::Own)
        }
    };
    Outcome { index, attempts: 1, result }
}

async fn call_again<S: EachAsync<Feed: FeedAgain<S::In>>>(
    lent: Lent<'_, S::Needs>,
    stage: &Stage,
    index: usize,
    record: &S::In,
) -> Outcome<S> {
    until_settled::<S, _, _>(stage, index, move || S::call(lent, <S::Feed as FeedAgain<S::In>>::arg(record))).await
}

/// Writes down what the stage is about to be called with, where its effects can be undone; `None` where
/// that cannot be, and then the run stops here.
async fn intended<S: Transform>(work: &mut Work<'_, S::Out>, rows: &[S::In]) -> Option<Intended<S>> {
    if !S::COMPENSATES {
        return Some(Intended::nothing());
    }
    Intended::write_aside(work, rows).await.map_err(|error| work.stop(0, error)).ok()
}

/// Writes down that a call has returned.
fn note<S: Transform>(work: &mut Work<'_, S::Out>, intended: &Intended<S>, outcome: &Outcome<S>) -> ControlFlow<Stopped> {
    match &outcome.result {
        Ok(records) => noted(intended.done(outcome.index, records.first()), work, outcome.index),
        Err(_unknown) => ControlFlow::Continue(()),
    }
}

/// Settles the outcomes in the order of the records.
fn settle_all<S: Transform>(
    work: &mut Work<'_, S::Out>,
    outcomes: Vec<Option<Outcome<S>>>,
    shown: impl Fn(&Work<'_, S::Out>, usize) -> Option<Vec<u8>>,
    out_rules: RulesLent<'_, S>,
) {
    for outcome in outcomes.into_iter().flatten() {
        work.blame(outcome.index);
        work.tally.retries += u64::from(outcome.attempts - 1);
        let settled = match outcome.result {
            Ok(records) => {
                let before = work.out.len();
                work.out.extend(records);
                settle::<S>(work, outcome.index, before, out_rules)
            }
            Err(Failed::Own(error)) => {
                let shown = shown(work, outcome.index);
                work.error(outcome.index, &error, outcome.attempts, shown)
            }
            Err(Failed::Engine(error)) => work.stop(outcome.index, error.after(outcome.attempts)),
        };
        if settled.is_break() {
            return;
        }
    }
}

impl<S: EachAsync<Feed = Owned>> RunsAsync<S> for ways::AsyncOnce {
    async fn run<'a>(
        (lent, rules, out_rules): LentAll<'a, S>,
        stage: &'a Stage,
        _state: &'a mut S::State,
        records: &'a mut DecodedRecords,
        tally: &'a mut Tally,
    ) {
        let rows: Vec<S::In> = records.take();
        let mut work = Work::new(stage, tally, records.origin.as_ref(), records.inputs.as_deref(), rows.len()).with_room();
        let Some(intended) = intended::<S>(&mut work, &rows).await else {
            return put_back::<S>(work.finish(), records, &stage.spares);
        };
        let must_show = work.must_show();
        let mut shown: Vec<Option<Vec<u8>>> = Vec::new();
        let mut outcomes: Vec<Option<Outcome<S>>> = (0..rows.len()).map(|_| None).collect();
        let mut calls = FuturesUnordered::new();
        let mut rows = rows.into_iter().enumerate();
        let mut stopped = false;
        loop {
            while !stopped && calls.len() < stage.settings.concurrency {
                let Some((index, record)) = rows.next() else { break };
                if !work.begin(index) {
                    stopped = true;
                    break;
                }
                if must_show {
                    shown.resize(index, None);
                    shown.push(work.show(&record));
                }
                match enters::<S>(&mut work, index, &record, rules) {
                    ControlFlow::Continue(true) => calls.push(call_owned::<S>(lent, stage, index, record)),
                    ControlFlow::Continue(false) => {}
                    ControlFlow::Break(Stopped) => stopped = true,
                }
            }
            let Some(outcome) = calls.next().await else { break };
            stopped |= (S::COMPENSATES && note(&mut work, &intended, &outcome).is_break()) || stops(stage, &outcome);
            let index = outcome.index;
            outcomes[index] = Some(outcome);
        }
        if work.tally.failure.is_none() && !work.tally.given_up && !(stopped && stage.abort.is_cancelled()) {
            settle_all::<S>(&mut work, outcomes, |_, index| shown.get(index).cloned().flatten(), out_rules);
        } else if work.tally.failure.is_none() && !work.tally.given_up {
            work.give_up();
        }
        put_back::<S>(work.finish(), records, &stage.spares);
    }
}

impl<S: EachAsync<Feed: FeedAgain<S::In>>> RunsAsync<S> for ways::AsyncAgain {
    async fn run<'a>(
        (lent, rules, out_rules): LentAll<'a, S>,
        stage: &'a Stage,
        _state: &'a mut S::State,
        records: &'a mut DecodedRecords,
        tally: &'a mut Tally,
    ) {
        let rows: Vec<S::In> = records.take();
        let mut work = Work::new(stage, tally, records.origin.as_ref(), records.inputs.as_deref(), rows.len()).with_room();
        let Some(intended) = intended::<S>(&mut work, &rows).await else {
            return put_back::<S>(work.finish(), records, &stage.spares);
        };
        let mut outcomes: Vec<Option<Outcome<S>>> = (0..rows.len()).map(|_| None).collect();
        let mut calls = FuturesUnordered::new();
        let mut next = 0;
        let mut stopped = false;
        loop {
            while !stopped && calls.len() < stage.settings.concurrency && next < rows.len() {
                if !work.begin(next) {
                    stopped = true;
                    break;
                }
                match enters::<S>(&mut work, next, &rows[next], rules) {
                    ControlFlow::Continue(true) => calls.push(call_again::<S>(lent, stage, next, &rows[next])),
                    ControlFlow::Continue(false) => {}
                    ControlFlow::Break(Stopped) => stopped = true,
                }
                next += 1;
            }
            let Some(outcome) = calls.next().await else { break };
            stopped |= (S::COMPENSATES && note(&mut work, &intended, &outcome).is_break()) || stops(stage, &outcome);
            let index = outcome.index;
            outcomes[index] = Some(outcome);
        }
        drop(calls);
        if work.tally.failure.is_none() && !work.tally.given_up && !(stopped && stage.abort.is_cancelled()) {
            settle_all::<S>(&mut work, outcomes, |work, index| work.show(&rows[index]), out_rules);
        } else if work.tally.failure.is_none() && !work.tally.given_up {
            work.give_up();
        }
        put_back::<S>(work.finish(), records, &stage.spares);
    }
}

/// Whether no further call should begin: this outcome stops the run, or somebody else has.
fn stops<S: Transform>(stage: &Stage, outcome: &Outcome<S>) -> bool {
    stage.abort.is_cancelled()
        || match &outcome.result {
            Ok(_) => false,
            Err(Failed::Engine(_)) => true,
            Err(Failed::Own(error)) => matches!(stage.effective(error.class()), Class::Fail | Class::Retry),
        }
}

impl<S: EachAsyncStateful<Feed = Owned>> RunsAsync<S> for ways::AsyncStatefulOnce {
    async fn run<'a>(
        (lent, rules, out_rules): LentAll<'a, S>,
        stage: &'a Stage,
        state: &'a mut S::State,
        records: &'a mut DecodedRecords,
        tally: &'a mut Tally,
    ) {
        let rows: Vec<S::In> = records.take();
        let mut work = Work::new(stage, tally, records.origin.as_ref(), records.inputs.as_deref(), rows.len()).with_room();
        let Some(intended) = intended::<S>(&mut work, &rows).await else {
            return put_back::<S>(work.finish(), records, &stage.spares);
        };
        let must_show = work.must_show();
        for (index, record) in rows.into_iter().enumerate() {
            if !work.begin(index) {
                break;
            }
            match enters::<S>(&mut work, index, &record, rules) {
                ControlFlow::Continue(true) => {}
                ControlFlow::Continue(false) => continue,
                ControlFlow::Break(Stopped) => break,
            }
            let shown = if must_show { work.show(&record) } else { None };
            stage.keep_pace(1).await;
            let result = match guarded_async(timed(stage, S::call(lent, state, record))).await {
                Err(panic) => Err(Failed::Engine(panic)),
                Ok(Ended::TimedOut(error)) => Err(Failed::Engine(error)),
                Ok(Ended::Done(value)) => {
                    let mut out = Vec::with_capacity(1);
                    value.emit(&mut out).map(|()| out).map_err(Failed::Own)
                }
            };
            let outcome = Outcome { index, attempts: 1, result };
            if S::COMPENSATES && note(&mut work, &intended, &outcome).is_break() {
                break;
            }
            settle_all::<S>(&mut work, vec![Some(outcome)], |_, _| shown.clone(), out_rules);
            if work.tally.failure.is_some() {
                break;
            }
        }
        put_back::<S>(work.finish(), records, &stage.spares);
    }
}

impl<S: EachAsyncStateful<Feed: FeedAgain<S::In>>> RunsAsync<S> for ways::AsyncStatefulAgain {
    async fn run<'a>(
        (lent, rules, out_rules): LentAll<'a, S>,
        stage: &'a Stage,
        state: &'a mut S::State,
        records: &'a mut DecodedRecords,
        tally: &'a mut Tally,
    ) {
        let rows: Vec<S::In> = records.take();
        let mut work = Work::new(stage, tally, records.origin.as_ref(), records.inputs.as_deref(), rows.len()).with_room();
        let Some(intended) = intended::<S>(&mut work, &rows).await else {
            return put_back::<S>(work.finish(), records, &stage.spares);
        };
        for (index, record) in rows.iter().enumerate() {
            if !work.begin(index) {
                break;
            }
            match enters::<S>(&mut work, index, record, rules) {
                ControlFlow::Continue(true) => {}
                ControlFlow::Continue(false) => continue,
                ControlFlow::Break(Stopped) => break,
            }
            let mut pauses = pauses(stage, Begun::now(&stage.settings));
            let mut attempts = 1;
            let result = loop {
                stage.keep_pace(1).await;
                let failed = match guarded_async(timed(stage, S::call(lent, state, <S::Feed as FeedAgain<S::In>>::arg(record)))).await {
                    Err(panic) => break Err(Failed::Engine(panic)),
                    Ok(Ended::TimedOut(error)) => Failed::Engine(error),
                    Ok(Ended::Done(value)) => {
                        let mut out = Vec::with_capacity(1);
                        match value.emit(&mut out) {
                            Ok(()) => break Ok(out),
                            Err(error) if error.class() == Class::Retry => Failed::Own(error),
                            Err(error) => break Err(Failed::Own(error)),
                        }
                    }
                };
                match pauses.next() {
                    Some(pause) if !work.aborted() => {
                        stage.pause(pause).await;
                        attempts += 1;
                    }
                    _ => break Err(failed),
                }
            };
            let outcome = Outcome { index, attempts, result };
            if S::COMPENSATES && note(&mut work, &intended, &outcome).is_break() {
                break;
            }
            settle_all::<S>(&mut work, vec![Some(outcome)], |work, _| work.show(record), out_rules);
            if work.tally.failure.is_some() {
                break;
            }
        }
        put_back::<S>(work.finish(), records, &stage.spares);
    }
}
