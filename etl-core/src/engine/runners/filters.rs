//! A filter: records are lent, and those that stay do not move out of their batch more than once.

use std::ops::ControlFlow;

use super::one_each;
use super::plain::{enters, put_back};
use super::{LentAll, RunsAsync, RunsPlain};
use crate::contract::error::{Class, Classes, StageError};
use crate::contract::needs::Needs;
use crate::contract::stage::{FilterAsync, FilterPlain, Guard, Lent, ways};
use crate::engine::panics::guarded_async;
use crate::engine::parcel::DecodedRecords;
use crate::engine::retry::{Begun, pauses};
use crate::engine::runners::asynchronous::{Ended, timed};
use crate::engine::work::{Stage, Stopped, Tally, Work};

impl<S: FilterPlain> RunsPlain<S> for ways::FilterPlain {
    fn run((lent, rules, _): LentAll<'_, S>, stage: &Stage, _state: &mut S::State, records: &mut DecodedRecords, tally: &mut Tally) {
        let mut rows: Vec<S::In> = records.take();
        let work = Work::new(stage, tally, records.origin.as_ref(), records.inputs.as_deref(), rows.len());
        let unruled = !stage.settings.validate || !S::InputGuard::CHECKS;
        if S::Error::CLASSES == Classes::NONE && unruled && rows.len() <= stage.settings.batch {
            let kept = one_each::keep(work, &mut rows, &stage.spares, |record| S::keeps(lent, record).unwrap_or(false));
            put_back::<S>(kept, records, &stage.spares);
            return;
        }
        let work = work.with_room();
        let kept = one_each::make(work, &mut rows, |work, index, record| {
            let keeps = keeps_one::<S>(work, index, &record, lent, rules)?;
            ControlFlow::Continue(keeps.then_some(record))
        });
        put_back::<S>(kept, records, &stage.spares);
        stage.spares.give(rows);
    }
}

/// Whether a record goes on; what becomes of it otherwise is settled here.
#[inline]
fn keeps_one<S: FilterPlain>(
    work: &mut Work<'_, S::In>,
    index: usize,
    record: &S::In,
    lent: Lent<'_, S::Needs>,
    rules: <<S::InputGuard as Guard<S::In>>::Needs as Needs>::Lent<'_>,
) -> ControlFlow<Stopped, bool> {
    if !enters::<S>(work, index, record, rules)? {
        return ControlFlow::Continue(false);
    }
    match S::keeps(lent, record) {
        Ok(keeps) => ControlFlow::Continue(keeps),
        Err(error) => {
            let shown = work.show(record);
            work.error(index, &error, 1, shown)?;
            ControlFlow::Continue(false)
        }
    }
}

impl<S: FilterAsync> RunsAsync<S> for ways::FilterAsync {
    async fn run<'a>(
        (lent, rules, _): LentAll<'a, S>,
        stage: &'a Stage,
        _state: &'a mut S::State,
        records: &'a mut DecodedRecords,
        tally: &'a mut Tally,
    ) {
        let rows: Vec<S::In> = records.take();
        let mut work = Work::new(stage, tally, records.origin.as_ref(), records.inputs.as_deref(), rows.len()).with_room();
        for (index, record) in rows.into_iter().enumerate() {
            if !work.begin(index) {
                break;
            }
            match enters::<S>(&mut work, index, &record, rules) {
                ControlFlow::Continue(true) => {}
                ControlFlow::Continue(false) => continue,
                ControlFlow::Break(Stopped) => break,
            }
            let mut pauses = pauses(stage, Begun::now(&stage.settings));
            let mut attempts = 1;
            let settled = loop {
                stage.keep_pace(1).await;
                let ended = match guarded_async(timed(stage, S::keeps(lent, &record))).await {
                    Ok(ended) => ended,
                    Err(panic) => break work.stop(index, panic),
                };
                match ended {
                    Ended::Done(Ok(keep)) => {
                        keep_or_filter(&mut work, index, record, keep);
                        break ControlFlow::Continue(());
                    }
                    Ended::Done(Err(error)) => {
                        if error.class() == Class::Retry
                            && !work.aborted()
                            && let Some(pause) = pauses.next()
                        {
                            work.tally.retries += 1;
                            attempts += 1;
                            stage.pause(pause).await;
                            continue;
                        }
                        let shown = work.show(&record);
                        break work.error(index, &error, attempts, shown);
                    }
                    Ended::TimedOut(error) => match pauses.next() {
                        Some(pause) if !work.aborted() => {
                            work.tally.retries += 1;
                            attempts += 1;
                            stage.pause(pause).await;
                        }
                        _ => break work.stop(index, error.after(attempts)),
                    },
                }
            };
            if settled.is_break() {
                break;
            }
        }
        put_back::<S>(work.finish(), records, &stage.spares);
    }
}

fn keep_or_filter<T>(work: &mut Work<'_, T>, index: usize, record: T, keep: bool) {
    if keep {
        let before = work.out.len();
        work.out.push(record);
        work.settle(index, before);
    } else {
        work.filter();
    }
}
