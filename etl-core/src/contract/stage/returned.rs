//! What a stage's function may return, and what each form means.

use std::convert::Infallible;

use crate::contract::error::StageError;
use crate::contract::record::Record;

/// What a transform of single records returns: `U`, `Option<U>`, `Vec<U>`, or `Result` of one of
/// these. (`impl Iterator<Item = U>` comes wrapped in [`Each`], by the macro.)
#[diagnostic::on_unimplemented(
    message = "a `#[transform]` cannot return `{Self}`",
    label = "not a record, nor an `Option`, `Vec` or `Result` of records",
    note = "return a record `U`, `Option<U>` (kept or filtered), `Vec<U>` or `impl Iterator<Item = U>` (any number), or a `Result` of one of these",
    note = "a record is a struct of your own with `#[derive(Record)]` or `#[derive(SerdeRecord)]`; wrap a `String` or a tuple in one"
)]
pub trait StageReturn {
    /// The record that goes on.
    type Record: Record;
    /// The error, `Infallible` where there is none.
    type Error;
    /// How many records it may hold.
    const YIELDS: Yields = Yields::Any;

    /// The record that goes on, where it is at most one.
    ///
    /// # Errors
    /// The stage's own error.
    fn one(self) -> Result<Option<Self::Record>, Self::Error>
    where
        Self: Sized,
    {
        let mut out = Vec::new();
        self.emit(&mut out)?;
        Ok(out.pop())
    }

    /// Appends what goes on to `out`. One more than before is a record mapped, none is one
    /// filtered, several are one expanded.
    ///
    /// # Errors
    /// The stage's own error.
    fn emit(self, out: &mut Vec<Self::Record>) -> Result<(), Self::Error>;
}

/// What may stand inside the `Result` of a transform.
#[diagnostic::on_unimplemented(
    message = "a `#[transform]` cannot return `{Self}`",
    label = "not a record, nor an `Option` or `Vec` of records",
    note = "return a record `U`, `Option<U>` (kept or filtered), `Vec<U>` or `impl Iterator<Item = U>` (any number), or a `Result` of one of these",
    note = "a record is a struct of your own with `#[derive(Record)]` or `#[derive(SerdeRecord)]`; wrap a `String` or a tuple in one"
)]
pub trait Emitted {
    /// The record that goes on.
    type Record: Record;
    /// How many records it may hold.
    const YIELDS: Yields = Yields::Any;

    /// Appends what goes on to `out`.
    fn emit_to(self, out: &mut Vec<Self::Record>);

    /// The record that goes on, where it is at most one.
    fn only(self) -> Option<Self::Record>
    where
        Self: Sized,
    {
        let mut out = Vec::new();
        self.emit_to(&mut out);
        out.pop()
    }
}

/// How many records a stage may make of one: it is known before anything runs, and what makes at
/// most one is run in a tighter loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Yields {
    /// Each becomes one, and nothing can go wrong.
    One,
    /// None or one.
    AtMostOne,
    /// Any number.
    Any,
}

impl<T: Record> Emitted for T {
    type Record = T;
    const YIELDS: Yields = Yields::One;

    #[inline]
    fn only(self) -> Option<T> {
        Some(self)
    }

    #[inline]
    fn emit_to(self, out: &mut Vec<T>) {
        out.push(self);
    }
}

impl<T: Record> Emitted for Option<T> {
    type Record = T;
    const YIELDS: Yields = Yields::AtMostOne;

    #[inline]
    fn only(self) -> Self {
        self
    }

    #[inline]
    fn emit_to(self, out: &mut Vec<T>) {
        out.extend(self);
    }
}

impl<T: Record> Emitted for Vec<T> {
    type Record = T;

    #[inline]
    fn emit_to(self, out: &mut Vec<T>) {
        out.extend(self);
    }
}

/// An iterator of records returned by a transform as `impl Iterator`.
#[derive(Debug)]
pub struct Each<I>(pub I);

impl<T: Record, I: Iterator<Item = T>> Emitted for Each<I> {
    type Record = T;

    #[inline]
    fn emit_to(self, out: &mut Vec<T>) {
        out.extend(self.0);
    }
}

macro_rules! infallible {
    ($($type:ty, [$($generics:tt)*];)*) => { $(
        impl<$($generics)*> StageReturn for $type {
            type Record = <Self as Emitted>::Record;
            type Error = Infallible;
            const YIELDS: Yields = <Self as Emitted>::YIELDS;

            #[inline]
            fn one(self) -> Result<Option<Self::Record>, Infallible> {
                Ok(self.only())
            }

            #[inline]
            fn emit(self, out: &mut Vec<Self::Record>) -> Result<(), Infallible> {
                self.emit_to(out);
                Ok(())
            }
        }
    )* };
}

infallible! {
    T, [T: Record];
    Option<T>, [T: Record];
    Vec<T>, [T: Record];
    Each<I>, [T: Record, I: Iterator<Item = T>];
}

impl<R: Emitted, E> StageReturn for Result<R, E> {
    type Record = R::Record;
    type Error = E;
    const YIELDS: Yields = match R::YIELDS {
        Yields::One | Yields::AtMostOne => Yields::AtMostOne,
        Yields::Any => Yields::Any,
    };

    #[inline]
    fn one(self) -> Result<Option<R::Record>, E> {
        self.map(R::only)
    }

    #[inline]
    fn emit(self, out: &mut Vec<R::Record>) -> Result<(), E> {
        self?.emit_to(out);
        Ok(())
    }
}

/// The outcomes of a batch stage: one per input, in the order of the input.
///
/// Because there is one outcome per input, positions, rejections and the sums of the report stay
/// known. Build it by the methods, or collect it from what a record stage could return:
///
/// ```
/// # use etl_core::stage::Batch;
/// # #[derive(etl_core::SerdeRecord, Debug, PartialEq)] struct Word(String);
/// let lengths: Batch<Word> = ["a", "", "b"].into_iter().map(|w| (!w.is_empty()).then(|| Word(w.into()))).collect();
/// assert_eq!(lengths.outcomes(), 3);
/// assert_eq!(lengths.records().len(), 2);
/// ```
#[derive(Debug)]
pub struct Batch<U, E = Infallible> {
    pub(crate) records: Vec<U>,
    /// The input of each record, once that is not simply its index.
    pub(crate) inputs: Option<Vec<u32>>,
    pub(crate) errors: Vec<(u32, E)>,
    pub(crate) outcomes: u32,
}

impl<U, E> Default for Batch<U, E> {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

impl<U, E> Batch<U, E> {
    /// No outcomes yet, and room for `capacity` records.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { records: Vec::with_capacity(capacity), inputs: None, errors: Vec::new(), outcomes: 0 }
    }

    /// The next input became this record.
    pub fn push(&mut self, record: U) {
        self.extend_one([record]);
    }

    /// The next input became any number of records.
    pub fn extend_one(&mut self, records: impl IntoIterator<Item = U>) {
        let before = self.records.len();
        self.records.extend(records);
        self.settle(before);
    }

    /// The next input was left out on purpose.
    pub fn filter(&mut self) {
        self.settle(self.records.len());
    }

    /// The next input failed.
    pub fn error(&mut self, error: E) {
        self.errors.push((self.outcomes, error));
        self.settle(self.records.len());
    }

    /// How many inputs have an outcome.
    #[must_use]
    pub fn outcomes(&self) -> usize {
        self.outcomes as usize
    }

    /// The records that go on.
    #[must_use]
    pub fn records(&self) -> &[U] {
        &self.records
    }

    /// The inputs that failed, by index, with their errors.
    #[must_use]
    pub fn errors(&self) -> &[(u32, E)] {
        &self.errors
    }

    fn settle(&mut self, before: usize) {
        let now = self.records.len();
        if self.inputs.is_none() && !(now == before + 1 && before == self.outcomes as usize) {
            self.inputs = Some((0..before as u32).collect());
        }
        if let Some(inputs) = &mut self.inputs {
            inputs.resize(now, self.outcomes);
        }
        self.outcomes += 1;
    }

    /// Collects what a record stage could return, one item per input.
    fn gather<R: StageReturn<Record = U, Error = E>>(items: impl Iterator<Item = R>) -> Self {
        let mut batch = Self::with_capacity(items.size_hint().0);
        for item in items {
            let before = batch.records.len();
            if let Err(error) = item.emit(&mut batch.records) {
                batch.records.truncate(before);
                batch.errors.push((batch.outcomes, error));
            }
            batch.settle(before);
        }
        batch
    }
}

impl<R: StageReturn> FromIterator<R> for Batch<R::Record, R::Error> {
    fn from_iter<I: IntoIterator<Item = R>>(items: I) -> Self {
        Self::gather(items.into_iter())
    }
}

/// What a batch transform returns: `Batch<U>`, `Batch<U, E>` or `Result` of one of these.
#[diagnostic::on_unimplemented(
    message = "a batch `#[transform]` cannot return `{Self}`",
    label = "not a `Batch`",
    note = "return `Batch<U>`, `Batch<U, E>` or `Result<Batch<U, E>, E>`: one outcome per record of the input, so that positions and counts stay known",
    note = "`records.into_iter().map(f).collect::<Batch<_, _>>()` makes one from what a record stage would return"
)]
pub trait BatchReturn {
    /// The record that goes on.
    type Record: Record;
    /// The error of a record and of the whole batch.
    type Error;

    /// The outcomes, or the error of the whole batch.
    ///
    /// # Errors
    /// The stage's own error, of the batch as a whole.
    fn outcomes(self) -> Result<Batch<Self::Record, Self::Error>, Self::Error>;
}

impl<U: Record, E> BatchReturn for Batch<U, E> {
    type Record = U;
    type Error = E;

    fn outcomes(self) -> Result<Batch<U, E>, E> {
        Ok(self)
    }
}

impl<U: Record, R: RecordErrorOf<E>, E> BatchReturn for Result<Batch<U, R>, E> {
    type Record = U;
    type Error = E;

    fn outcomes(self) -> Result<Batch<U, E>, E> {
        self.map(R::widen)
    }
}

/// An error of single records that a batch error `E` can stand for: `E` itself, or none.
#[diagnostic::on_unimplemented(
    message = "the records of this batch fail with `{Self}`, but the batch as a whole with `{E}`",
    label = "two error types in one stage",
    note = "write `Result<Batch<_, {E}>, {E}>`, or `Result<Batch<_>, {E}>` if single records cannot fail"
)]
pub trait RecordErrorOf<E>: Sized {
    /// The same batch with the wider error.
    fn widen<U>(batch: Batch<U, Self>) -> Batch<U, E>;
}

impl<E: Fallible> RecordErrorOf<E> for E {
    fn widen<U>(batch: Batch<U, E>) -> Batch<U, E> {
        batch
    }
}

impl<E> RecordErrorOf<E> for Infallible {
    fn widen<U>(batch: Batch<U, Self>) -> Batch<U, E> {
        let Batch { records, inputs, outcomes, .. } = batch;
        Batch { records, inputs, errors: Vec::new(), outcomes }
    }
}

/// A [`StageError`] that can happen; not `Infallible`, which keeps the two impls of
/// [`RecordErrorOf`] apart. `#[derive(StageError)]` implements it.
pub trait Fallible: StageError {}

impl Fallible for crate::Error {}
impl Fallible for std::io::Error {}
impl Fallible for Box<dyn std::error::Error + Send + Sync> {}
#[cfg(feature = "anyhow")]
impl Fallible for anyhow::Error {}

/// What a loader returns: nothing, `Result<(), E>`, or one outcome per record as `Batch<(), E>`.
#[diagnostic::on_unimplemented(
    message = "a `#[loader]` cannot return `{Self}`",
    label = "a loader ends the flow, so it returns no records",
    note = "return nothing, `Result<()>`, `Result<(), E>`, or `Batch<(), E>` with one outcome per record"
)]
pub trait LoadReturn {
    /// The error of the batch and of single records.
    type Error;
    /// Whether there is one outcome per record.
    const PER_RECORD: bool = false;

    /// `None`: every record is in the target. `Some`: one outcome per record.
    ///
    /// # Errors
    /// The loader's own error, of the batch as a whole.
    fn loaded(self) -> Result<Option<Batch<(), Self::Error>>, Self::Error>;
}

impl LoadReturn for () {
    type Error = Infallible;

    fn loaded(self) -> Result<Option<Batch<(), Infallible>>, Infallible> {
        Ok(None)
    }
}

impl<E> LoadReturn for Result<(), E> {
    type Error = E;

    fn loaded(self) -> Result<Option<Batch<(), E>>, E> {
        self.map(|()| None)
    }
}

impl<E> LoadReturn for Batch<(), E> {
    type Error = E;
    const PER_RECORD: bool = true;

    fn loaded(self) -> Result<Option<Self>, E> {
        Ok(Some(self))
    }
}

impl<R: RecordErrorOf<E>, E> LoadReturn for Result<Batch<(), R>, E> {
    type Error = E;
    const PER_RECORD: bool = true;

    fn loaded(self) -> Result<Option<Batch<(), E>>, E> {
        self.map(|batch| Some(R::widen(batch)))
    }
}
