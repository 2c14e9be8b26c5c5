//! What an attribute implements of a stage: one trait, with one type that says everything that is read off
//! the signature.
//!
//! The compiler looks at every impl, associated type and alias of the user's crate whenever anything in
//! it is edited, and at what follows from them in this crate never again. So the traits that the engine
//! knows, with all their types, are implemented here for every stage that is written, and the attribute
//! says the rest: which types, and how the function is called.

use std::marker::PhantomData;

use super::{
    Batch, BatchPlain, BatchReturn, Borrowed, Compensation, EachPlain, Extractor, Feed, FeedBatch, FilterPlain, FilterReturn, Guard, Lent,
    LoadReturn, Loaded, Loader, Owned, StageDefinition, StageReturn, State, StateCodec, TransactionOf, Transform, Unchecked, Yields, ways,
};
use crate::contract::error::StageError;
use crate::contract::guarantee::{Replayable, SourceClass, TargetClass};
use crate::contract::needs::Needs;
use crate::contract::record::Record;
use crate::contract::source::{BoxSource, ExtractReturn};
use crate::contract::target::{Target, UNTARGETED, Untargeted};

/// A transform or a filter, as its attribute writes it.
///
/// Its text is that of [`Transform`], word by word: the compiler looks at both, and says the same thing once.
#[diagnostic::on_unimplemented(
    message = "stage `{Self}` cannot stand between two stages",
    label = "not a `#[transform]` or `#[filter]`",
    note = "only a `#[transform]` or a `#[filter]` takes records and passes records on"
)]
pub trait Written: Sized + Send + Sync + 'static {
    /// What was read off the signature: [`EachOf`], [`EachInto`], [`FilterOf`] or [`BatchOf`].
    type Shape: Shape;
    /// See [`Transform::DEFINITION`].
    const DEFINITION: StageDefinition;

    /// Calls a plain `fn`. For an `async fn` this is another trait's, and nothing calls it here.
    fn call(_: Arguments<'_, '_, '_, Self>) -> Returned<Self> {
        const { panic!("an async stage is not called like a plain one") }
    }

    /// See [`Transform::state_codec`].
    #[must_use]
    fn state_codec() -> Option<StateCodec<<Self::Shape as Shape>::State>> {
        None
    }

    /// See [`Transform::COMPENSATES`].
    const COMPENSATES: bool = false;

    /// See [`Transform::compensation`].
    #[must_use]
    fn compensation() -> Option<Compensation<Self>> {
        None
    }
}

/// What the function of stage `S` is called with: what is lent, the state, and a record or a batch.
pub type Arguments<'lent, 'kept, 'fed, S> = (
    Lent<'lent, <<S as Written>::Shape as Shape>::Needs>,
    &'kept mut <<S as Written>::Shape as Shape>::State,
    <<S as Written>::Shape as Shape>::Fed<'kept, 'fed>,
);
/// What the function of stage `S` returns.
pub type Returned<S> = <<S as Written>::Shape as Shape>::Returned;

/// All the types of a [`Transform`], and those of its call.
pub trait Shape {
    /// See [`Transform::In`].
    type In: Record;
    /// See [`Transform::Out`].
    type Out: Record;
    /// See [`Transform::Error`].
    type Error: StageError;
    /// See [`Transform::Needs`].
    type Needs: Needs;
    /// See [`Transform::State`].
    type State: State + Send + 'static;
    /// See [`Transform::InputGuard`].
    type InputGuard: Guard<Self::In>;
    /// See [`Transform::OutputGuard`].
    type OutputGuard: Guard<Self::Out>;
    /// See [`Transform::Way`].
    type Way: 'static;
    /// What a plain `fn` is given of a batch.
    type Fed<'kept, 'fed>;
    /// What the `fn` returns.
    type Returned;
}

#[diagnostic::do_not_recommend]
impl<S: Written> Transform for S {
    type In = <S::Shape as Shape>::In;
    type Out = <S::Shape as Shape>::Out;
    type Error = <S::Shape as Shape>::Error;
    type Needs = <S::Shape as Shape>::Needs;
    type State = <S::Shape as Shape>::State;
    type InputGuard = <S::Shape as Shape>::InputGuard;
    type OutputGuard = <S::Shape as Shape>::OutputGuard;
    type Way = <S::Shape as Shape>::Way;
    const DEFINITION: StageDefinition = <S as Written>::DEFINITION;

    fn state_codec() -> Option<StateCodec<Self::State>> {
        <S as Written>::state_codec()
    }

    const COMPENSATES: bool = <S as Written>::COMPENSATES;

    fn compensation() -> Option<Compensation<Self>> {
        <S as Written>::compensation()
    }
}

/// A function on single records: the way `W`, what it takes, what it returns, what it needs, its state, and
/// the rules on both sides.
#[derive(Debug)]
pub struct EachOf<W, T, R, N, K = (), I = Unchecked, O = Unchecked>(PhantomData<(W, T, R, N, K, I, O)>);

/// The same for a function that returns an `impl Iterator`, which no type can name: it is given the vector
/// to which its records go, and `R` stands for a type that yields the same ones.
#[derive(Debug)]
pub struct EachInto<W, T, R, N, K = (), I = Unchecked, O = Unchecked>(PhantomData<(W, T, R, N, K, I, O)>);

/// A filter: the way `W`, what it looks at, what it returns, what it needs, and the rules on its input.
#[derive(Debug)]
pub struct FilterOf<W, T, R, N, I = Unchecked>(PhantomData<(W, T, R, N, I)>);

/// A function on batches, fed by `F`; the rest as of [`EachOf`].
#[derive(Debug)]
pub struct BatchOf<W, F, T, R, N, K = (), I = Unchecked, O = Unchecked>(PhantomData<(W, F, T, R)>, PhantomData<(N, K, I, O)>);

/// How a function on single records is fed in a way.
pub trait Feeds: 'static {
    /// See [`EachPlain::Feed`].
    type Feed: 'static;
}

macro_rules! feeds {
    ($($way:ident: $feed:ty,)*) => { $(
        impl Feeds for ways::$way {
            type Feed = $feed;
        }
    )* };
}

feeds! {
    PlainOnce: Owned,
    PlainAgain: Borrowed,
    AsyncOnce: Owned,
    AsyncAgain: Borrowed,
    AsyncStatefulOnce: Owned,
    AsyncStatefulAgain: Borrowed,
}

/// A shape of plain functions on single records.
pub trait CalledEach: Shape {
    /// See [`EachPlain::Feed`].
    type Feed: Feed<Self::In>;
    /// See [`EachPlain::YIELDS`].
    const YIELDS: Yields;

    /// See [`EachPlain::call_for_one`].
    ///
    /// # Errors
    /// The stage's own error.
    fn call_for_one<S: Written<Shape = Self>>(
        lent: Lent<'_, Self::Needs>,
        state: &mut Self::State,
        record: <Self::Feed as Feed<Self::In>>::Arg<'_>,
    ) -> Result<Option<Self::Out>, Self::Error>;

    /// See [`EachPlain::call`].
    ///
    /// # Errors
    /// The stage's own error.
    fn call<S: Written<Shape = Self>>(
        lent: Lent<'_, Self::Needs>,
        state: &mut Self::State,
        record: <Self::Feed as Feed<Self::In>>::Arg<'_>,
        out: &mut Vec<Self::Out>,
    ) -> Result<(), Self::Error>;
}

/// A shape of plain filters.
pub trait CalledFilter: Shape<Out = <Self as Shape>::In> {
    /// See [`FilterPlain::keeps`].
    ///
    /// # Errors
    /// The stage's own error.
    fn keeps<S: Written<Shape = Self>>(lent: Lent<'_, Self::Needs>, record: &Self::In) -> Result<bool, Self::Error>;
}

/// A shape of plain functions on batches.
pub trait CalledBatch: Shape {
    /// See [`BatchPlain::Feed`].
    type Feed: FeedBatch<Self::In>;

    /// See [`BatchPlain::call`].
    ///
    /// # Errors
    /// The stage's own error, of the batch as a whole.
    fn call<S: Written<Shape = Self>>(
        lent: Lent<'_, Self::Needs>,
        state: &mut Self::State,
        records: <Self::Feed as FeedBatch<Self::In>>::Arg<'_>,
    ) -> Result<Batch<Self::Out, Self::Error>, Self::Error>;
}

#[diagnostic::do_not_recommend]
impl<S: Written<Shape: CalledEach>> EachPlain for S {
    type Feed = <S::Shape as CalledEach>::Feed;
    const YIELDS: Yields = <S::Shape as CalledEach>::YIELDS;

    #[inline]
    fn call_for_one(
        lent: Lent<'_, Self::Needs>,
        state: &mut Self::State,
        record: <Self::Feed as Feed<Self::In>>::Arg<'_>,
    ) -> Result<Option<Self::Out>, Self::Error> {
        <S::Shape as CalledEach>::call_for_one::<S>(lent, state, record)
    }

    #[inline]
    fn call(
        lent: Lent<'_, Self::Needs>,
        state: &mut Self::State,
        record: <Self::Feed as Feed<Self::In>>::Arg<'_>,
        out: &mut Vec<Self::Out>,
    ) -> Result<(), Self::Error> {
        <S::Shape as CalledEach>::call::<S>(lent, state, record, out)
    }
}

#[diagnostic::do_not_recommend]
impl<S: Written<Shape: CalledFilter>> FilterPlain for S {
    #[inline]
    fn keeps(lent: Lent<'_, Self::Needs>, record: &Self::In) -> Result<bool, Self::Error> {
        <S::Shape as CalledFilter>::keeps::<S>(lent, record)
    }
}

#[diagnostic::do_not_recommend]
impl<S: Written<Shape: CalledBatch>> BatchPlain for S {
    type Feed = <S::Shape as CalledBatch>::Feed;

    fn call(
        lent: Lent<'_, Self::Needs>,
        state: &mut Self::State,
        records: <Self::Feed as FeedBatch<Self::In>>::Arg<'_>,
    ) -> Result<Batch<Self::Out, Self::Error>, Self::Error> {
        <S::Shape as CalledBatch>::call::<S>(lent, state, records)
    }
}

/// The impls of a shape `of` single records, which is given `fed` and `returns` something that `call` makes
/// records of.
macro_rules! shape_of_each {
    ($of:ident, $fed:ty, $returns:ty, $yields:expr, |$called:ident, $lent:ident, $state:ident, $record:ident, $out:ident| $call:expr, $one:expr) => {
        impl<W, T, R, N, K, I, O> Shape for $of<W, T, R, N, K, I, O>
        where
            W: Feeds<Feed: Feed<T>>,
            T: Record,
            R: StageReturn<Error: StageError>,
            N: Needs,
            K: State + Send + 'static,
            I: Guard<T>,
            O: Guard<R::Record>,
        {
            type In = T;
            type Out = R::Record;
            type Error = R::Error;
            type Needs = N;
            type State = K;
            type InputGuard = I;
            type OutputGuard = O;
            type Way = W;
            type Fed<'kept, 'fed> = $fed;
            type Returned = $returns;
        }

        impl<W, T, R, N, K, I, O> CalledEach for $of<W, T, R, N, K, I, O>
        where
            W: Feeds<Feed: Feed<T>>,
            T: Record,
            R: StageReturn<Error: StageError>,
            N: Needs,
            K: State + Send + 'static,
            I: Guard<T>,
            O: Guard<R::Record>,
        {
            type Feed = W::Feed;
            const YIELDS: Yields = $yields;

            #[inline]
            fn call_for_one<S: Written<Shape = Self>>(
                $lent: Lent<'_, N>,
                $state: &mut K,
                $record: <W::Feed as Feed<T>>::Arg<'_>,
            ) -> Result<Option<R::Record>, R::Error> {
                let $called = S::call;
                $one
            }

            #[inline]
            fn call<S: Written<Shape = Self>>(
                $lent: Lent<'_, N>,
                $state: &mut K,
                $record: <W::Feed as Feed<T>>::Arg<'_>,
                $out: &mut Vec<R::Record>,
            ) -> Result<(), R::Error> {
                let $called = S::call;
                $call
            }
        }
    };
}

shape_of_each!(
    EachOf,
    <W::Feed as Feed<T>>::Arg<'fed>,
    R,
    R::YIELDS,
    |called, lent, state, record, out| called((lent, state, record)).emit(out),
    called((lent, state, record)).one()
);
shape_of_each!(
    EachInto,
    (<W::Feed as Feed<T>>::Arg<'fed>, &'kept mut Vec<R::Record>),
    Result<(), R::Error>,
    Yields::Any,
    |called, lent, state, record, out| called((lent, state, (record, out))),
    {
        let mut out = Vec::new();
        called((lent, state, (record, &mut out)))?;
        Ok(out.pop())
    }
);

impl<W, T, R, N, I> Shape for FilterOf<W, T, R, N, I>
where
    W: 'static,
    T: Record,
    R: FilterReturn<Error: StageError>,
    N: Needs,
    I: Guard<T>,
{
    type In = T;
    type Out = T;
    type Error = R::Error;
    type Needs = N;
    type State = ();
    type InputGuard = I;
    type OutputGuard = Unchecked;
    type Way = W;
    type Fed<'kept, 'fed> = &'fed T;
    type Returned = R;
}

impl<W, F, T, R, N, K, I, O> Shape for BatchOf<W, F, T, R, N, K, I, O>
where
    W: 'static,
    F: FeedBatch<T>,
    T: Record,
    R: BatchReturn<Error: StageError>,
    N: Needs,
    K: State + Send + 'static,
    I: Guard<T>,
    O: Guard<R::Record>,
{
    type In = T;
    type Out = R::Record;
    type Error = R::Error;
    type Needs = N;
    type State = K;
    type InputGuard = I;
    type OutputGuard = O;
    type Way = W;
    type Fed<'kept, 'fed> = F::Arg<'fed>;
    type Returned = R;
}

impl<W, T, R, N, I> CalledFilter for FilterOf<W, T, R, N, I>
where
    W: 'static,
    T: Record,
    R: FilterReturn<Error: StageError>,
    N: Needs,
    I: Guard<T>,
{
    #[inline]
    fn keeps<S: Written<Shape = Self>>(lent: Lent<'_, N>, record: &T) -> Result<bool, R::Error> {
        S::call((lent, &mut (), record)).keeps()
    }
}

impl<W, F, T, R, N, K, I, O> CalledBatch for BatchOf<W, F, T, R, N, K, I, O>
where
    W: 'static,
    F: FeedBatch<T>,
    T: Record,
    R: BatchReturn<Error: StageError>,
    N: Needs,
    K: State + Send + 'static,
    I: Guard<T>,
    O: Guard<R::Record>,
{
    type Feed = F;

    fn call<S: Written<Shape = Self>>(
        lent: Lent<'_, N>,
        state: &mut K,
        records: F::Arg<'_>,
    ) -> Result<Batch<R::Record, R::Error>, R::Error> {
        S::call((lent, state, records)).outcomes()
    }
}

/// An extractor, as its attribute writes it. Its text is that of [`Extractor`], which the compiler then says once.
#[diagnostic::on_unimplemented(
    message = "stage `{Self}` cannot start a pipeline",
    label = "not an `#[extractor]`",
    note = "the first stage of a flow must be an `#[extractor]`"
)]
pub trait WrittenExtractor: Sized + Send + Sync + 'static {
    /// [`ExtractorOf`] what it returns and needs.
    type Shape: ExtractorShape;
    /// See [`Extractor::DEFINITION`].
    const DEFINITION: StageDefinition;

    /// See [`Extractor::open`].
    fn open<'a>(
        lent: Lent<'a, <Self::Shape as ExtractorShape>::Needs>,
    ) -> impl Future<Output = crate::Result<BoxSource<'a, <Self::Shape as ExtractorShape>::Out>>> + Send + 'a;
}

/// The types of an [`Extractor`].
pub trait ExtractorShape {
    /// See [`Extractor::Out`].
    type Out: Record;
    /// See [`Extractor::Class`].
    type Class: SourceClass;
    /// See [`Extractor::Needs`].
    type Needs: Needs;
    /// What the function returns.
    type Returned: ExtractReturn<'static>;
}

/// An extractor that returns `R` and needs `N`; whether it can be read again is said by `C`.
#[derive(Debug)]
pub struct ExtractorOf<R, N, C = Itself>(PhantomData<(R, N, C)>);

/// What says whether a source of type `R` can be read again.
pub trait Says<R> {
    /// What it says.
    type Class: SourceClass;
}

/// The source itself.
#[derive(Debug)]
pub struct Itself;

impl<R: ExtractReturn<'static>> Says<R> for Itself {
    type Class = R::Class;
}

/// Its author.
impl<R> Says<R> for Replayable {
    type Class = Self;
}

impl<R: ExtractReturn<'static>, N: Needs, C: Says<R>> ExtractorShape for ExtractorOf<R, N, C> {
    type Out = R::Record;
    type Class = C::Class;
    type Needs = N;
    type Returned = R;
}

#[diagnostic::do_not_recommend]
impl<S: WrittenExtractor> Extractor for S {
    type Out = <S::Shape as ExtractorShape>::Out;
    type Class = <S::Shape as ExtractorShape>::Class;
    type Needs = <S::Shape as ExtractorShape>::Needs;
    const DEFINITION: StageDefinition = <S as WrittenExtractor>::DEFINITION;

    fn open<'a>(lent: Lent<'a, Self::Needs>) -> impl Future<Output = Result<BoxSource<'a, Self::Out>, crate::Error>> + Send + 'a {
        <S as WrittenExtractor>::open(lent)
    }
}

/// A loader that takes no transaction, as its attribute writes it. Its text is that of [`Loader`], which the compiler
/// then says once.
#[diagnostic::on_unimplemented(
    message = "stage `{Self}` cannot end a pipeline",
    label = "not a `#[loader]`",
    note = "the last stage of a flow must be a `#[loader]`"
)]
pub trait WrittenLoader: Sized + Send + Sync + 'static {
    /// [`LoaderOf`] what it takes, returns and needs.
    type Shape: LoaderShape;
    /// See [`Loader::DEFINITION`].
    const DEFINITION: StageDefinition;

    /// See [`Loader::load`].
    fn load<'c, 'a>(
        lent: Lent<'c, <Self::Shape as LoaderShape>::Needs>,
        records: &'a [<Self::Shape as LoaderShape>::In],
    ) -> impl Future<Output = Loaded<<Self::Shape as LoaderShape>::Error>> + Send;
}

/// The types of a [`Loader`] that takes no transaction.
pub trait LoaderShape {
    /// See [`Loader::In`].
    type In: Record;
    /// See [`Loader::Class`].
    type Class: TargetClass;
    /// See [`Loader::Error`].
    type Error: StageError;
    /// See [`Loader::Needs`].
    type Needs: Needs;
    /// See [`Loader::InputGuard`].
    type InputGuard: Guard<Self::In>;
    /// What the function returns.
    type Returned: LoadReturn<Error = Self::Error>;
}

/// A loader that takes `T`, returns `R`, needs `N`, checks its input by `I`, and takes what is loaded a second time as
/// `C` says.
#[derive(Debug)]
pub struct LoaderOf<T, R, N, I = Unchecked, C = <Untargeted as Target>::Class>(PhantomData<(T, R, N, I, C)>);

impl<T, R, N, I, C> LoaderShape for LoaderOf<T, R, N, I, C>
where
    T: Record,
    R: LoadReturn<Error: StageError>,
    N: Needs,
    I: Guard<T>,
    C: TargetClass,
{
    type In = T;
    type Class = C;
    type Error = R::Error;
    type Needs = N;
    type InputGuard = I;
    type Returned = R;
}

#[diagnostic::do_not_recommend]
impl<S: WrittenLoader> Loader for S {
    type In = <S::Shape as LoaderShape>::In;
    type Target = Untargeted;
    type Class = <S::Shape as LoaderShape>::Class;
    type Error = <S::Shape as LoaderShape>::Error;
    type Needs = <S::Shape as LoaderShape>::Needs;
    type InputGuard = <S::Shape as LoaderShape>::InputGuard;
    const DEFINITION: StageDefinition = <S as WrittenLoader>::DEFINITION;

    fn target<'a>(_: Lent<'a, Self::Needs>) -> &'a Untargeted {
        &UNTARGETED
    }

    fn load<'c, 'a, 't>(
        lent: Lent<'c, Self::Needs>,
        records: &'a [Self::In],
        _: &'a mut TransactionOf<'t, Self>,
    ) -> impl Future<Output = Loaded<Self::Error>> + Send + use<'c, 'a, 't, S> {
        <S as WrittenLoader>::load(lent, records)
    }
}
