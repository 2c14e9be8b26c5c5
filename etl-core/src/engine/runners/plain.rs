//! A plain `fn` on single records: one loop over the batch.

use std::ops::ControlFlow;

use super::{LentAll, RunsPlain, one_each};
use crate::contract::error::{Class, Result, StageError};
use crate::contract::needs::Needs;
use crate::contract::stage::{EachPlain, FeedAgain, Guard, Owned, Transform, Yields, ways};
use crate::engine::effects::Intended;
use crate::engine::parcel::DecodedRecords;
use crate::engine::retry::{Begun, pauses};
use crate::engine::spares::Spares;
use crate::engine::work::{Stage, Stopped, Tally, Work};

impl<S: EachPlain<Feed = Owned>> RunsPlain<S> for ways::PlainOnce {
    fn run((lent, rules, out_rules): LentAll<'_, S>, stage: &Stage, state: &mut S::State, records: &mut DecodedRecords, tally: &mut Tally) {
        let mut rows: Vec<S::In> = records.take();
        let mut work = Work::new(stage, tally, records.origin.as_ref(), records.inputs.as_deref(), rows.len());
        let unruled = !stage.settings.validate || !(S::InputGuard::CHECKS || S::OutputGuard::CHECKS);
        if !S::COMPENSATES && S::YIELDS == Yields::One && unruled && rows.len() <= stage.settings.batch {
            let made = one_each::map(work, &mut rows, &stage.spares, |record| match S::call_for_one(lent, state, record) {
                Ok(Some(record)) => record,
                Ok(None) | Err(_) => unreachable!("it yields one"),
            });
            put_back::<S>(made, records, &stage.spares);
            stage.spares.give(rows);
            return;
        }
        let Some(intended) = intended::<S>(&mut work, &rows) else {
            return put_back::<S>(work.finish(), records, &stage.spares);
        };
        work = work.with_room();
        if S::YIELDS != Yields::Any {
            let must_show = work.must_show();
            let made = one_each::make(work, &mut rows, |work, index, record| {
                if !unruled && !enters::<S>(work, index, &record, rules)? {
                    return ControlFlow::Continue(None);
                }
                let shown = if must_show { work.show(&record) } else { None };
                let ended = S::call_for_one(lent, state, record);
                if S::COMPENSATES
                    && let Ok(became) = &ended
                {
                    noted(intended.done(index, became.as_ref()), work, index)?;
                }
                match ended {
                    Ok(Some(record)) if !unruled => leaves::<S>(work, index, record, out_rules),
                    Ok(became) => ControlFlow::Continue(became),
                    Err(error) => {
                        work.error(index, &error, 1, shown)?;
                        ControlFlow::Continue(None)
                    }
                }
            });
            put_back::<S>(made, records, &stage.spares);
            stage.spares.give(rows);
            return;
        }
        let must_show = work.must_show();
        for (index, record) in rows.drain(..).enumerate() {
            if !work.begin(index) {
                break;
            }
            match enters::<S>(&mut work, index, &record, rules) {
                ControlFlow::Continue(true) => {}
                ControlFlow::Continue(false) => continue,
                ControlFlow::Break(Stopped) => break,
            }
            let shown = if must_show { work.show(&record) } else { None };
            let before = work.out.len();
            let result = S::call(lent, state, record, &mut work.out);
            let settled = match result {
                Ok(()) => settle::<S>(&mut work, index, before, out_rules),
                Err(error) => {
                    work.out.truncate(before);
                    work.error(index, &error, 1, shown)
                }
            };
            if settled.is_break() {
                break;
            }
        }
        put_back::<S>(work.finish(), records, &stage.spares);
        stage.spares.give(rows);
    }
}

impl<S: EachPlain<Feed: FeedAgain<S::In>>> RunsPlain<S> for ways::PlainAgain {
    fn run((lent, rules, out_rules): LentAll<'_, S>, stage: &Stage, state: &mut S::State, records: &mut DecodedRecords, tally: &mut Tally) {
        let rows: Vec<S::In> = records.take();
        let mut work = Work::new(stage, tally, records.origin.as_ref(), records.inputs.as_deref(), rows.len()).with_room();
        let Some(intended) = intended::<S>(&mut work, &rows) else {
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
            let before = work.out.len();
            let mut attempts = 1;
            let begun = Begun::now(&stage.settings);
            let mut result = S::call(lent, state, <S::Feed as FeedAgain<S::In>>::arg(record), &mut work.out);
            if stage.settings.retries > 0 {
                let mut pauses = pauses(stage, begun);
                while let Err(error) = &result
                    && error.class() == Class::Retry
                    && !work.aborted()
                    && let Some(pause) = pauses.next()
                {
                    work.out.truncate(before);
                    stage.pause_worker(pause);
                    attempts += 1;
                    work.tally.retries += 1;
                    result = S::call(lent, state, <S::Feed as FeedAgain<S::In>>::arg(record), &mut work.out);
                }
            }
            if S::COMPENSATES && result.is_ok() {
                let written = intended.done(index, work.out.get(before));
                if noted(written, &mut work, index).is_break() {
                    break;
                }
            }
            let settled = match result {
                Ok(()) => settle::<S>(&mut work, index, before, out_rules),
                Err(error) => {
                    work.out.truncate(before);
                    let shown = work.show(record);
                    work.error(index, &error, attempts, shown)
                }
            };
            if settled.is_break() {
                break;
            }
        }
        put_back::<S>(work.finish(), records, &stage.spares);
        stage.spares.give(rows);
    }
}

/// Writes down what the stage is about to be called with, where its effects can be undone; `None` where
/// that cannot be, and then the run stops here.
#[inline]
fn intended<S: Transform>(work: &mut Work<'_, S::Out>, rows: &[S::In]) -> Option<Intended<S>> {
    if !S::COMPENSATES {
        return Some(Intended::nothing());
    }
    Intended::write(work, rows).map_err(|error| work.stop(0, error)).ok()
}

/// Whether it could be written down that the call with record `index` has returned.
pub(super) fn noted<Out>(written: Result<()>, work: &mut Work<'_, Out>, index: usize) -> ControlFlow<Stopped> {
    match written {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => work.stop(index, error),
    }
}

/// Checks a record before the stage: `false` where it does not go in.
#[inline]
pub(super) fn enters<S: Transform>(
    work: &mut Work<'_, S::Out>,
    index: usize,
    record: &S::In,
    rules: <<S::InputGuard as Guard<S::In>>::Needs as Needs>::Lent<'_>,
) -> ControlFlow<Stopped, bool> {
    if !S::InputGuard::CHECKS || !work.stage.settings.validate {
        return ControlFlow::Continue(true);
    }
    let Err(violations) = S::InputGuard::check(rules, record) else { return ControlFlow::Continue(true) };
    let shown = work.show(record);
    work.invalid(index, &violations, shown)?;
    ControlFlow::Continue(false)
}

/// Checks a record behind the stage: `None` where it does not go on.
#[inline]
fn leaves<S: Transform>(
    work: &mut Work<'_, S::Out>,
    index: usize,
    record: S::Out,
    rules: <<S::OutputGuard as Guard<S::Out>>::Needs as Needs>::Lent<'_>,
) -> one_each::Became<S::Out> {
    if !S::OutputGuard::CHECKS {
        return ControlFlow::Continue(Some(record));
    }
    let Err(violations) = S::OutputGuard::check(rules, &record) else { return ControlFlow::Continue(Some(record)) };
    let shown = work.show(&record);
    work.invalid(index, &violations, shown)?;
    ControlFlow::Continue(None)
}

/// Settles input `index`, with the rules on the stage's output.
#[inline]
pub(super) fn settle<S: Transform>(
    work: &mut Work<'_, S::Out>,
    index: usize,
    before: usize,
    rules: <<S::OutputGuard as Guard<S::Out>>::Needs as Needs>::Lent<'_>,
) -> ControlFlow<Stopped> {
    if S::OutputGuard::CHECKS && work.stage.settings.validate {
        work.settle_checked::<S::OutputGuard>(index, before, rules)
    } else {
        work.settle(index, before);
        ControlFlow::Continue(())
    }
}

/// Puts the records that go on in place of those that came in; none, where the batch stops the run.
pub(super) fn put_back<S: Transform>((out, inputs): (Vec<S::Out>, Option<Vec<u32>>), records: &mut DecodedRecords, spares: &Spares) {
    match records.rows.as_any().downcast_mut::<Vec<S::Out>>() {
        Some(rows) => *rows = out,
        None => records.rows = Box::new(out),
    }
    if let Some(inputs) = inputs {
        spares.give(records.inputs.replace(inputs).unwrap_or_default());
    }
}
