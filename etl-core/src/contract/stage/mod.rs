//! The roles a stage can have. The attributes implement these traits; the engine calls them.
//!
//! A stage knows the types of its records and what it needs, and nothing of the pipeline in which
//! it stands.

mod compensation;
mod definition;
mod rate;
mod returned;
mod rules;
mod state;
pub(crate) mod written;

pub use compensation::{Compensation, Noted, UndoReturn, Undoes, UndoesAsync};
pub use definition::{Role, StageDefinition, StageOptions, Takes};
pub use rate::Rate;
pub use returned::{Batch, BatchReturn, Each, Emitted, Fallible, LoadReturn, RecordErrorOf, StageReturn, Yields};
pub use rules::{Checked, Guard, Rules, Unchecked, Violation, Violations};
pub use state::{ByCodec, CodecOf, State, StateCodec, WithoutCodec};

use super::error::{Result, StageError};
use super::guarantee::{SourceClass, TargetClass};
use super::needs::Needs;
use super::record::Record;
use super::source::BoxSource;
use super::target::Target;

/// What the engine lends to a stage that needs `N`.
pub type Lent<'a, N> = <N as Needs>::Lent<'a>;

/// The first stage of a flow: yields records.
#[diagnostic::on_unimplemented(
    message = "stage `{Self}` cannot start a pipeline",
    label = "not an `#[extractor]`",
    note = "the first stage of a flow must be an `#[extractor]`"
)]
pub trait Extractor: Sized + Send + Sync + 'static {
    /// The record that it yields.
    type Out: Record;
    /// Whether it yields the same records again.
    type Class: SourceClass;
    /// What it needs.
    type Needs: Needs;
    /// What is known of it before anything runs.
    const DEFINITION: StageDefinition;

    /// Opens the source. Runs on the source's own thread, where it may block.
    fn open<'a>(lent: Lent<'a, Self::Needs>) -> impl Future<Output = Result<BoxSource<'a, Self::Out>>> + Send + 'a;
}

/// A stage between two others: `#[transform]` or `#[filter]`.
#[diagnostic::on_unimplemented(
    message = "stage `{Self}` cannot stand between two stages",
    label = "not a `#[transform]` or `#[filter]`",
    note = "only a `#[transform]` or a `#[filter]` takes records and passes records on"
)]
pub trait Transform: Sized + Send + Sync + 'static {
    /// The record that it takes.
    type In: Record;
    /// The record that it passes on.
    type Out: Record;
    /// Its error, `Infallible` where it has none.
    type Error: StageError;
    /// What it needs.
    type Needs: Needs;
    /// What it keeps between calls; `()` where nothing.
    type State: State + Send + 'static;
    /// Whether records are checked before the stage.
    type InputGuard: Guard<Self::In>;
    /// Whether records are checked after the stage.
    type OutputGuard: Guard<Self::Out>;
    /// How the engine runs it: one of the types of [`ways`].
    type Way: 'static;
    /// What is known of it before anything runs.
    const DEFINITION: StageDefinition;

    /// How its state is written into a checkpoint; `None` where it has none, or one that cannot be.
    #[must_use]
    fn state_codec() -> Option<StateCodec<Self::State>> {
        None
    }

    /// Whether it has effects outside of the process that can be undone.
    const COMPENSATES: bool = false;

    /// How; `None` where there are none.
    #[must_use]
    fn compensation() -> Option<Compensation<Self>> {
        None
    }
}

/// How a function that sees single records is fed.
pub trait Feed<T>: Send + Sync + 'static {
    /// What the function takes.
    type Arg<'a>: Send
    where
        T: 'a;
}

/// How a function is fed so that the record stays: it can be called again.
pub trait FeedAgain<T>: Feed<T> {
    /// The argument for one more call.
    fn arg(record: &T) -> Self::Arg<'_>;
}

/// `fn(T)`: the record is given away.
#[derive(Debug)]
pub struct Owned;
/// `fn(&T)`: the record is lent.
#[derive(Debug)]
pub struct Borrowed;
/// `fn(T)` with `retries`: a clone is given away, the original stays.
#[derive(Debug)]
pub struct Cloned;

impl<T: Send + 'static> Feed<T> for Owned {
    type Arg<'a> = T;
}

impl<T: Sync + 'static> Feed<T> for Borrowed {
    type Arg<'a> = &'a T;
}

impl<T: Sync + 'static> FeedAgain<T> for Borrowed {
    #[inline]
    fn arg(record: &T) -> &T {
        record
    }
}

/// A type that a retried stage takes by value.
#[diagnostic::on_unimplemented(
    message = "a retried stage that takes `{Self}` by value must be able to clone it",
    label = "`retries` feeds the same record again, but this one is given away",
    note = "take `&{Self}` instead, or derive `Clone` for `{Self}`"
)]
pub trait Retained: Clone {}
#[diagnostic::do_not_recommend]
impl<T: Clone> Retained for T {}

impl<T: Retained + Send + 'static> Feed<T> for Cloned {
    type Arg<'a> = T;
}

impl<T: Retained + Send + 'static> FeedAgain<T> for Cloned {
    #[inline]
    fn arg(record: &T) -> T {
        record.clone()
    }
}

/// A plain `fn` on one record; runs on the CPU workers.
pub trait EachPlain: Transform {
    /// How the function takes its record.
    type Feed: Feed<Self::In>;
    /// How many records one call may make.
    const YIELDS: Yields = Yields::Any;

    /// Calls the function, where it makes at most one record.
    ///
    /// # Errors
    /// The stage's own error.
    fn call_for_one(
        lent: Lent<'_, Self::Needs>,
        state: &mut Self::State,
        record: <Self::Feed as Feed<Self::In>>::Arg<'_>,
    ) -> Result<Option<Self::Out>, Self::Error> {
        let mut out = Vec::new();
        Self::call(lent, state, record, &mut out)?;
        Ok(out.pop())
    }

    /// Calls the function and appends what goes on to `out`.
    ///
    /// # Errors
    /// The stage's own error.
    fn call(
        lent: Lent<'_, Self::Needs>,
        state: &mut Self::State,
        record: <Self::Feed as Feed<Self::In>>::Arg<'_>,
        out: &mut Vec<Self::Out>,
    ) -> Result<(), Self::Error>;
}

/// An `async fn` on one record, without state; several calls may be under way at once.
pub trait EachAsync: Transform {
    /// How the function takes its record.
    type Feed: Feed<Self::In>;

    /// Calls the function.
    fn call<'c, 'a>(
        lent: Lent<'c, Self::Needs>,
        record: <Self::Feed as Feed<Self::In>>::Arg<'a>,
    ) -> impl Future<Output = impl StageReturn<Record = Self::Out, Error = Self::Error> + Send> + Send;
}

/// An `async fn` on one record with `&mut` state; one call at a time.
pub trait EachAsyncStateful: Transform {
    /// How the function takes its record.
    type Feed: Feed<Self::In>;

    /// Calls the function.
    fn call<'c, 'a>(
        lent: Lent<'c, Self::Needs>,
        state: &'a mut Self::State,
        record: <Self::Feed as Feed<Self::In>>::Arg<'a>,
    ) -> impl Future<Output = impl StageReturn<Record = Self::Out, Error = Self::Error> + Send> + Send;
}

/// A plain `fn` on a batch; runs on the CPU workers.
pub trait BatchPlain: Transform {
    /// How the function takes its batch.
    type Feed: FeedBatch<Self::In>;

    /// Calls the function.
    ///
    /// # Errors
    /// The stage's own error, of the batch as a whole.
    fn call(
        lent: Lent<'_, Self::Needs>,
        state: &mut Self::State,
        records: <Self::Feed as FeedBatch<Self::In>>::Arg<'_>,
    ) -> Result<Batch<Self::Out, Self::Error>, Self::Error>;
}

/// An `async fn` on a batch.
pub trait BatchAsync: Transform {
    /// How the function takes its batch.
    type Feed: FeedBatch<Self::In>;

    /// Calls the function.
    fn call<'c, 'a>(
        lent: Lent<'c, Self::Needs>,
        state: &'a mut Self::State,
        records: <Self::Feed as FeedBatch<Self::In>>::Arg<'a>,
    ) -> impl Future<Output = Result<Batch<Self::Out, Self::Error>, Self::Error>> + Send;
}

/// How a batch function is fed.
pub trait FeedBatch<T>: Send + Sync + 'static {
    /// What the function takes.
    type Arg<'a>: Send
    where
        T: 'a;

    /// The argument of a call, out of `records`; leaves them there where the stage is retried.
    fn arg(records: &mut Vec<T>) -> Self::Arg<'_>;
}

/// `fn(Vec<T>)`.
impl<T: Send + 'static> FeedBatch<T> for Owned {
    type Arg<'a> = Vec<T>;

    fn arg(records: &mut Vec<T>) -> Vec<T> {
        std::mem::take(records)
    }
}

/// `fn(&[T])`.
impl<T: Sync + Send + 'static> FeedBatch<T> for Borrowed {
    type Arg<'a> = &'a [T];

    fn arg(records: &mut Vec<T>) -> &[T] {
        records
    }
}

/// `fn(Vec<T>)` with `retries`.
impl<T: Retained + Send + 'static> FeedBatch<T> for Cloned {
    type Arg<'a> = Vec<T>;

    fn arg(records: &mut Vec<T>) -> Vec<T> {
        records.clone()
    }
}

/// A plain `fn` that keeps or drops a record.
pub trait FilterPlain: Transform<Out = <Self as Transform>::In> {
    /// Whether the record goes on.
    ///
    /// # Errors
    /// The stage's own error.
    fn keeps(lent: Lent<'_, Self::Needs>, record: &Self::In) -> Result<bool, Self::Error>;
}

/// An `async fn` that keeps or drops a record.
pub trait FilterAsync: Transform<Out = <Self as Transform>::In> {
    /// Whether the record goes on.
    fn keeps<'c, 'a>(lent: Lent<'c, Self::Needs>, record: &'a Self::In) -> impl Future<Output = Result<bool, Self::Error>> + Send;
}

/// What a filter returns: `bool` or `Result<bool, E>`.
#[diagnostic::on_unimplemented(
    message = "a `#[filter]` cannot return `{Self}`",
    label = "neither `bool` nor `Result<bool, _>`",
    note = "return `true` to keep the record; a stage that changes records is a `#[transform]`"
)]
pub trait FilterReturn {
    /// The error, `Infallible` where there is none.
    type Error;

    /// Whether the record goes on.
    ///
    /// # Errors
    /// The stage's own error.
    fn keeps(self) -> Result<bool, Self::Error>;
}

impl FilterReturn for bool {
    type Error = std::convert::Infallible;

    #[inline]
    fn keeps(self) -> Result<bool, Self::Error> {
        Ok(self)
    }
}

impl<E> FilterReturn for Result<bool, E> {
    type Error = E;

    #[inline]
    fn keeps(self) -> Self {
        self
    }
}

/// The ways in which the engine runs a transform; chosen by the macro from the signature.
pub mod ways {
    /// By [`EachPlain`](super::EachPlain), a plain `fn(T)`.
    #[derive(Debug)]
    pub struct PlainOnce;
    /// By [`EachPlain`](super::EachPlain), with a feed that can be repeated.
    #[derive(Debug)]
    pub struct PlainAgain;
    /// By [`EachAsync`](super::EachAsync), an `async fn(T)`.
    #[derive(Debug)]
    pub struct AsyncOnce;
    /// By [`EachAsync`](super::EachAsync), with a feed that can be repeated.
    #[derive(Debug)]
    pub struct AsyncAgain;
    /// By [`EachAsyncStateful`](super::EachAsyncStateful), an `async fn(T, &mut S)`.
    #[derive(Debug)]
    pub struct AsyncStatefulOnce;
    /// By [`EachAsyncStateful`](super::EachAsyncStateful), with a feed that can be repeated.
    #[derive(Debug)]
    pub struct AsyncStatefulAgain;
    /// By [`BatchPlain`](super::BatchPlain).
    #[derive(Debug)]
    pub struct BatchPlain;
    /// By [`BatchAsync`](super::BatchAsync).
    #[derive(Debug)]
    pub struct BatchAsync;
    /// By [`FilterPlain`](super::FilterPlain).
    #[derive(Debug)]
    pub struct FilterPlain;
    /// By [`FilterAsync`](super::FilterAsync).
    #[derive(Debug)]
    pub struct FilterAsync;
}

/// The open transaction that a loader writes to.
pub type TransactionOf<'t, S> = <<S as Loader>::Target as Target>::Transaction<'t>;

/// What a call of a loader comes to: `None` when every record is in the target, else one outcome
/// per record; or the error of the batch as a whole.
pub type Loaded<E> = Result<Option<Batch<(), E>>, E>;

/// The last stage of a flow: writes records to a target.
///
/// A loader runs on a thread of its own, where a plain `fn` may block.
#[diagnostic::on_unimplemented(
    message = "stage `{Self}` cannot end a pipeline",
    label = "not a `#[loader]`",
    note = "the last stage of a flow must be a `#[loader]`"
)]
pub trait Loader: Sized + Send + Sync + 'static {
    /// The record that it takes.
    type In: Record;
    /// The target whose transactions it takes; [`Untargeted`](super::target::Untargeted) where it
    /// takes none.
    type Target: Target;
    /// How what is loaded a second time is taken: by the target, or by the key that the author names.
    type Class: TargetClass;
    /// Its error, `Infallible` where it has none.
    type Error: StageError;
    /// What it needs, the target included.
    type Needs: Needs;
    /// Whether records are checked before the stage.
    type InputGuard: Guard<Self::In>;
    /// What is known of it before anything runs.
    const DEFINITION: StageDefinition;

    /// The target among what is lent.
    fn target<'a>(lent: Lent<'a, Self::Needs>) -> &'a Self::Target;

    /// Calls the function with a batch, or with one record where it takes single records.
    fn load<'c, 'a, 't>(
        lent: Lent<'c, Self::Needs>,
        records: &'a [Self::In],
        transaction: &'a mut TransactionOf<'t, Self>,
    ) -> impl Future<Output = Loaded<Self::Error>> + Send + use<'c, 'a, 't, Self>;
}
