//! The loops that call the users' functions: one file per way, one loop per form.
//!
//! Types are erased where a batch is handed over and nowhere else: each runner is a monomorphic
//! loop over one stage's records.

mod asynchronous;
mod batches;
mod filters;
mod one_each;
mod plain;

use std::marker::PhantomData;
use std::sync::{Mutex, PoisonError};

use futures::FutureExt;
use futures::future::{BoxFuture, LocalBoxFuture};

use super::parcel::DecodedRecords;
use super::steps::{AsyncStep, CpuStep, Effect, Step};
use super::wiring::{NeedsOf, Runs};
use super::work::{Stage, Tally};
use crate::contract::error::{Error, ErrorKind, Result};
use crate::contract::needs::{Context, LentBy, Needs};
use crate::contract::record::Record;
use crate::contract::stage::{StageDefinition, State, StateCodec, Transform};

pub(in crate::engine) use asynchronous::{Ended, timed, timed_out};

/// What a transform is lent: for its function, for the rules on its input, for those on its output.
pub(crate) type LentAll<'a, S> = <NeedsOf<S> as Needs>::Lent<'a>;

/// The state of a stage: kept and locked where there is any, made on the spot where it is `()`.
pub(super) struct StateCell<T>(Option<Mutex<T>>);

impl<T: State> StateCell<T> {
    fn new(stateful: bool) -> Self {
        Self(stateful.then(|| Mutex::new(T::first())))
    }

    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        match &self.0 {
            // A stateful stage runs one batch at a time, so nobody waits here.
            Some(state) => work(&mut state.lock().unwrap_or_else(PoisonError::into_inner)),
            None => work(&mut T::first()),
        }
    }

    /// The state, for an async stage that keeps it across awaits.
    fn take(&self) -> T {
        match &self.0 {
            Some(state) => std::mem::replace(&mut *state.lock().unwrap_or_else(PoisonError::into_inner), T::first()),
            None => T::first(),
        }
    }

    fn written(&self, codec: Option<StateCodec<T>>) -> Result<Option<String>> {
        let (Some(state), Some(codec)) = (&self.0, codec) else { return Ok(None) };
        (codec.write)(&state.lock().unwrap_or_else(PoisonError::into_inner)).map(Some)
    }

    fn restore(&self, codec: Option<StateCodec<T>>, written: &str) -> Result<()> {
        let read = codec.and_then(|codec| (codec.read)(written));
        let (Some(cell), Some(state)) = (&self.0, read) else {
            return Err(Error::new(ErrorKind::Config, "the state that an earlier run kept of a stage cannot be read")
                .hint("the type of the state has changed: `--fresh` starts again"));
        };
        *cell.lock().unwrap_or_else(PoisonError::into_inner) = state;
        Ok(())
    }

    fn put_back(&self, kept: T) {
        if let Some(state) = &self.0 {
            *state.lock().unwrap_or_else(PoisonError::into_inner) = kept;
        }
    }
}

/// A way that runs on the CPU workers.
pub trait RunsPlain<S: Transform>: 'static {
    /// Runs the stage over one batch.
    fn run(lent: LentAll<'_, S>, stage: &Stage, state: &mut S::State, records: &mut DecodedRecords, tally: &mut Tally);
}

/// A way that awaits.
pub trait RunsAsync<S: Transform>: 'static {
    /// Runs the stage over one batch.
    fn run<'a>(
        lent: LentAll<'a, S>,
        stage: &'a Stage,
        state: &'a mut S::State,
        records: &'a mut DecodedRecords,
        tally: &'a mut Tally,
    ) -> impl Future<Output = ()> + Send + 'a;
}

/// Makes the engine's step of a stage that runs in this way.
pub trait StepOf<S: Transform>: 'static {
    /// The step.
    fn step<C: Context>() -> Step<C>
    where
        NeedsOf<S>: LentBy<C>;
}

impl<S: Transform<Way: StepOf<S>>> Runs<S::In, S::Out, NeedsOf<S>> for S {
    fn definition() -> StageDefinition {
        S::DEFINITION.with_columns(<S::In as Record>::KNOWN)
    }

    fn step<C: Context>() -> Step<C>
    where
        NeedsOf<S>: LentBy<C>,
    {
        <S::Way as StepOf<S>>::step()
    }
}

struct Plain<S: Transform, W>(StateCell<S::State>, PhantomData<fn() -> W>);

impl<C: Context, S: Transform, W: RunsPlain<S>> CpuStep<C> for Plain<S, W>
where
    NeedsOf<S>: LentBy<C>,
{
    fn run(&self, context: &C, stage: &Stage, records: &mut DecodedRecords, tally: &mut Tally) {
        let lent = <NeedsOf<S> as LentBy<C>>::lend(context);
        self.0.with(|state| W::run(lent, stage, state, records, tally));
    }

    fn state(&self) -> Result<Option<String>> {
        self.0.written(S::state_codec())
    }

    fn restore(&self, state: &str) -> Result<()> {
        self.0.restore(S::state_codec(), state)
    }

    fn forgets(&self) -> bool {
        self.0.0.is_some() && S::state_codec().is_none()
    }

    fn undo<'a>(&'a self, context: &'a C, effect: Effect<'a>) -> LocalBoxFuture<'a, Result<()>> {
        undo::<S, C>(context, effect)
    }
}

struct Awaiting<S: Transform, W>(StateCell<S::State>, PhantomData<fn() -> W>);

impl<C: Context, S: Transform, W: RunsAsync<S>> AsyncStep<C> for Awaiting<S, W>
where
    NeedsOf<S>: LentBy<C>,
{
    fn run<'a>(&'a self, context: &'a C, stage: &'a Stage, records: &'a mut DecodedRecords, tally: &'a mut Tally) -> BoxFuture<'a, ()> {
        async move {
            let lent = <NeedsOf<S> as LentBy<C>>::lend(context);
            let mut state = self.0.take();
            W::run(lent, stage, &mut state, records, tally).await;
            self.0.put_back(state);
        }
        .boxed()
    }

    fn state(&self) -> Result<Option<String>> {
        self.0.written(S::state_codec())
    }

    fn restore(&self, state: &str) -> Result<()> {
        self.0.restore(S::state_codec(), state)
    }

    fn forgets(&self) -> bool {
        self.0.0.is_some() && S::state_codec().is_none()
    }

    fn undo<'a>(&'a self, context: &'a C, effect: Effect<'a>) -> LocalBoxFuture<'a, Result<()>> {
        undo::<S, C>(context, effect)
    }
}

/// Undoes what `S` did for one record, from what was written down.
fn undo<'a, S: Transform, C: Context>(context: &'a C, effect: Effect<'a>) -> LocalBoxFuture<'a, Result<()>>
where
    NeedsOf<S>: LentBy<C>,
{
    async move {
        let unreadable = || {
            Error::new(ErrorKind::CompensationFailed, "what was written down of a record cannot be read")
                .hint("the type of the record has changed: undo with the program that was killed")
        };
        let Some(compensation) = S::compensation() else { return Err(unreadable()) };
        let input = (compensation.input.read)(effect.input).ok_or_else(unreadable)?;
        let output = effect.output.map(|output| (compensation.output.read)(output).ok_or_else(unreadable)).transpose()?;
        let (lent, ..) = NeedsOf::<S>::parts(<NeedsOf<S> as LentBy<C>>::lend(context));
        (compensation.undo)(lent, &input, output.as_ref()).await
    }
    .boxed_local()
}

macro_rules! plain_ways {
    ($($way:ident: $bound:path),*) => { $(
        impl<S: $bound> StepOf<S> for crate::contract::stage::ways::$way where Self: RunsPlain<S> {
            fn step<C: Context>() -> Step<C>
            where
                NeedsOf<S>: LentBy<C>,
            {
                Step::Cpu(Box::new(Plain::<S, Self>(StateCell::new(S::DEFINITION.stateful), PhantomData)))
            }
        }
    )* };
}

macro_rules! async_ways {
    ($($way:ident: $bound:path),*) => { $(
        impl<S: $bound> StepOf<S> for crate::contract::stage::ways::$way where Self: RunsAsync<S> {
            fn step<C: Context>() -> Step<C>
            where
                NeedsOf<S>: LentBy<C>,
            {
                Step::Async(Box::new(Awaiting::<S, Self>(StateCell::new(S::DEFINITION.stateful), PhantomData)))
            }
        }
    )* };
}

plain_ways!(PlainOnce: Transform, PlainAgain: Transform, BatchPlain: Transform, FilterPlain: Transform);
async_ways!(
    AsyncOnce: Transform,
    AsyncAgain: Transform,
    AsyncStatefulOnce: Transform,
    AsyncStatefulAgain: Transform,
    BatchAsync: Transform,
    FilterAsync: Transform
);
