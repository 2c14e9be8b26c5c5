//! What expanded code calls besides the contract. No part of the public interface: it changes with
//! the macros, which have the same version.
//!
//! Expanded code imports this module under a short name, so what it uses of the contract is here too.

use std::any::Any;
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use futures::future::BoxFuture;

pub use crate::contract::error::{Class, Classes, Error, Result, StageError};
use crate::contract::error::{ErrorKind, sanitize};
use crate::contract::guarantee::{
    self, CommitsEffectivelyOnce, CommitsExactlyOnce, CommitsWholeRuns, Kept, ReadAgain, SourceClass, TargetClass, TargetKind,
};
pub use crate::contract::guarantee::{
    Keyed, Numbered, Replayable, Transactional, at_least_once, at_most_once, effectively_once, exactly_once,
};
use crate::contract::needs::LentBy;
pub use crate::contract::needs::{Context, MadeOf, Needs, Provides, Resource, WrittenResource};
pub use crate::contract::policy::{Atomic, Delivery, Policy, Threshold};
use crate::contract::record::Record;
use crate::contract::record::codec::{ColumnVisitor, FieldVisitor, ShowField};
pub use crate::contract::record::codec::{Derived, EachField, FieldSource};
pub use crate::contract::record::{Column, Field, FieldError};
use crate::contract::record::{ColumnType, Problem, Sensitive};
pub use crate::contract::source::{BoxSource, ExtractReturn, FromIter, FromStream, StreamItem};
pub use crate::contract::stage::written::{
    Arguments, BatchOf, CalledEach, EachInto, EachOf, ExtractorOf, ExtractorShape, FilterOf, LoaderOf, LoaderShape, Returned, Written,
    WrittenExtractor, WrittenLoader,
};
pub use crate::contract::stage::{
    Batch, BatchAsync, BatchReturn, Borrowed, ByCodec, Checked, CodecOf, Compensation, Each, EachAsync, EachAsyncStateful, Extractor,
    Fallible, Feed, FeedBatch, FilterAsync, FilterReturn, Lent, LoadReturn, Loaded, Loader, Owned, Rate, Role, StageDefinition,
    StageOptions, StageReturn, StateCodec, Takes, TransactionOf, Transform, Unchecked, WithoutCodec, ways,
};
use crate::contract::stage::{Retained, Yields};
pub use crate::contract::target::{Target, Transaction, UNTARGETED, Untargeted};
pub use crate::engine::pipeline::Pipeline;
pub use crate::engine::wiring::{LoaderNeeds, NeedsOf, Plan, end, extract, pass};

/// What is lent to the function of transform `S`.
pub type LentTo<'a, S> = Lent<'a, <S as Transform>::Needs>;
/// What is lent to the function of loader `S`.
pub type LentToLoader<'a, S> = Lent<'a, <S as Loader>::Needs>;
/// What is lent to the function of extractor `S`.
pub type LentToExtractor<'a, S> = Lent<'a, <S as Extractor>::Needs>;
/// What is lent to the function of resource `S`.
pub type LentToResource<'a, S> = Lent<'a, <S as Resource>::Needs>;
/// What is kept of resource `S`.
pub type KeptOf<S> = <S as Resource>::Kept;
/// A record, fed to a function with `F`.
pub type Fed<'a, F, S> = <F as Feed<<S as Transform>::In>>::Arg<'a>;
/// A batch, fed to a function with `F`.
pub type FedBatch<'a, F, S> = <F as FeedBatch<<S as Transform>::In>>::Arg<'a>;
/// What a transform keeps.
pub type StateOf<S> = <S as Transform>::State;
/// How a call for one record ends; a filter's with whether it goes on.
pub type Ended<S, T = ()> = Result<T, <S as Transform>::Error>;
/// How a call for a batch ends.
pub type BatchEnded<S> = Ended<S, Batch<<S as Transform>::Out, <S as Transform>::Error>>;
/// How a load ends.
pub type LoadEnded<S> = Loaded<<S as Loader>::Error>;
/// What an extractor returns.
pub type OpenedBy<S> = <<S as WrittenExtractor>::Shape as ExtractorShape>::Returned;
/// What a loader without a transaction returns.
pub type LoadedBy<S> = <<S as WrittenLoader>::Shape as LoaderShape>::Returned;
/// How an extractor opens.
pub type Opening<'a, S> = Result<BoxSource<'a, <S as Extractor>::Out>>;

/// What must hold of a pipeline or a stage, looked at while it is compiled. The text is the
/// macro's, so that all of them are in one place.
#[track_caller]
pub const fn demand(holds: bool, otherwise: &'static str) {
    assert!(holds, "{}", otherwise);
}

/// What an attribute has read off the signature of an extractor. The place is that of the attribute,
/// which is the caller's.
#[must_use]
#[track_caller]
pub const fn extractor<S: Extractor>(
    name: &'static str,
    output: &'static str,
    classes: Classes,
    decodes: bool,
    fingerprint: u64,
) -> StageDefinition {
    defined(StageDefinition::new(name, Role::Extractor), (Takes::Nothing, ""), output, classes, fingerprint)
        .with_source(S::Class::REPLAYABLE, decodes)
}

/// What an attribute has read off the signature of a transform. (Its classes are asked through the role,
/// which has said already that the error has classes, so that one that has none is reported once.)
#[must_use]
#[track_caller]
pub const fn transform<S: Transform>(
    name: &'static str,
    takes: Takes,
    input: &'static str,
    output: &'static str,
    fingerprint: u64,
) -> StageDefinition {
    defined(StageDefinition::new(name, Role::Transform), (takes, input), output, <S::Error as StageError>::CLASSES, fingerprint)
}

/// What an attribute has read off the signature of a filter.
#[must_use]
#[track_caller]
pub const fn filter<S: Transform>(name: &'static str, takes: Takes, input: &'static str, fingerprint: u64) -> StageDefinition {
    defined(StageDefinition::new(name, Role::Filter), (takes, input), input, <S::Error as StageError>::CLASSES, fingerprint)
}

/// What an attribute has read off the signature of a loader.
#[must_use]
#[track_caller]
pub const fn loader<S: Loader>(name: &'static str, takes: Takes, input: &'static str, fingerprint: u64) -> StageDefinition {
    defined(StageDefinition::new(name, Role::Loader), (takes, input), "", <S::Error as StageError>::CLASSES, fingerprint).with_target(
        S::Class::KIND,
        most_batch::<S::In, S::Target>(),
        <S::Target as Target>::CONCURRENT,
    )
}

#[track_caller]
const fn defined(
    stage: StageDefinition,
    (takes, input): (Takes, &'static str),
    output: &'static str,
    classes: Classes,
    fingerprint: u64,
) -> StageDefinition {
    let place = std::panic::Location::caller();
    stage
        .with_place(place.file(), place.line())
        .with_input(takes, input)
        .with_output(output)
        .with_classes(classes)
        .with_fingerprint(fingerprint)
}

/// The classes of a stage's error. Asked through the role, which has said already that the error
/// has classes, so that one that has none is reported once.
#[must_use]
pub const fn transform_classes<S: Transform>() -> Classes {
    <S::Error as StageError>::CLASSES
}

/// The classes of a loader's error.
#[must_use]
pub const fn loader_classes<S: Loader>() -> Classes {
    <S::Error as StageError>::CLASSES
}

/// Whether a source can be read again, as a constant.
#[must_use]
pub const fn replayable<C: SourceClass>() -> bool {
    C::REPLAYABLE
}

/// How a target takes what is loaded a second time, as a constant.
#[must_use]
pub const fn target_kind<C: TargetClass>() -> TargetKind {
    C::KIND
}

/// The largest batch of `T` that fits one statement of a target.
#[must_use]
pub const fn most_batch<T: Record, G: Target>() -> Option<usize> {
    match G::MOST_VALUES {
        Some(values) if T::COLUMNS > 0 => Some(values / T::COLUMNS),
        _ => None,
    }
}

/// That a `delivery` other than `at_most_once` can be kept by the source of stage `S`.
pub const fn reads_again<C: ReadAgain<S, Demand>, S, Demand>() {}
/// That `exactly_once` can be kept by the target of stage `S`.
pub const fn commits_exactly_once<C: CommitsExactlyOnce<S>, S>() {}
/// That `effectively_once` can be kept by the target of stage `S`.
pub const fn commits_effectively_once<C: CommitsEffectivelyOnce<S>, S>() {}
/// That a stage makes at most one record of each, so that its effects can be undone one by one.
#[must_use]
pub const fn makes_at_most_one<S: Written<Shape: CalledEach>>() -> bool {
    !matches!(<S::Shape as CalledEach>::YIELDS, Yields::Any)
}
/// That `atomic: run` can be kept by the target of stage `S`.
pub const fn commits_whole_runs<C: CommitsWholeRuns<S>, S>() {}
/// That a checkpoint can hold the state of stage `S`.
pub const fn keeps<T: Kept<S>, S>() {}

/// A type that some function of [`witness`] took: looked up by the array whose length it gave.
pub trait Known<T> {
    /// The type itself.
    type Type;
}

impl<T> Known<T> for [(); 0] {
    type Type = T;
}

/// What an extractor returns, where `Known` is its type as the macro knows it: if that is an error,
/// so is whatever is asked of the value.
pub trait Opened<'a, Known> {
    /// The record that it yields.
    type Record;
    /// The error of opening.
    type Error;

    /// The source.
    ///
    /// # Errors
    /// The extractor's own error.
    fn opened(self) -> Result<BoxSource<'a, Self::Record>, Self::Error>;
}

#[diagnostic::do_not_recommend]
impl<'a, Known, R: ExtractReturn<'a>> Opened<'a, Known> for R {
    type Record = R::Record;
    type Error = R::Error;

    fn opened(self) -> Result<BoxSource<'a, R::Record>, R::Error> {
        self.source()
    }
}

/// The names of settings: those of [`Settings`](crate::contract::settings::Settings) win over those
/// of the trait, which knows none.
#[derive(Debug)]
pub struct SettingNames<T>(std::marker::PhantomData<T>);

impl<T: crate::contract::settings::Settings> SettingNames<T> {
    /// What the operator sets.
    pub const NAMES: &'static [&'static str] = T::NAMES;
}

/// For a type that is no settings, which is said where the pipeline names it.
pub trait UnknownNames {
    /// None.
    const NAMES: &'static [&'static str] = &[];
}

impl<T> UnknownNames for SettingNames<T> {}

/// Whether the rules of a record read anything: what is known of those that do not wins over what
/// the trait says of all others.
#[derive(Debug)]
pub struct RulesOf<T>(std::marker::PhantomData<T>);

impl<T: crate::contract::stage::Rules<Context = ()>> RulesOf<T> {
    /// They read nothing.
    pub const READ: bool = false;
}

/// For rules that read the settings or a resource.
pub trait ReadingRules {
    /// They read something.
    const READ: bool = true;
}

impl<T> ReadingRules for RulesOf<T> {}

/// That a stage has another name than every setting.
#[track_caller]
pub const fn apart(settings: &[&str], stage: &str, otherwise: &'static str) {
    let mut at = 0;
    while at < settings.len() {
        demand(!same(settings[at].as_bytes(), stage.as_bytes()), otherwise);
        at += 1;
    }
}

/// That a stage does not lose the order of the records behind one that keeps state: what such a stage
/// knows is written down with each batch that is committed, and is about all batches before it.
/// Says whether there is such a stage up to this one.
#[track_caller]
pub const fn in_order(keeps_state: bool, stage: &StageDefinition, otherwise: &'static str) -> bool {
    demand(!(keeps_state && stage.loses_order()), otherwise);
    keeps_state || stage.stateful
}

/// Whether a record can be rejected in any of the stages.
#[must_use]
pub const fn any_rejects(stages: &[&StageDefinition]) -> bool {
    any(stages, Class::Reject)
}

/// Whether a record can be rejected or skipped in any of the stages: the run goes on without it.
#[must_use]
pub const fn any_goes_on(stages: &[&StageDefinition]) -> bool {
    any(stages, Class::Reject) || any(stages, Class::Skip)
}

const fn any(stages: &[&StageDefinition], class: Class) -> bool {
    let mut at = 0;
    while at < stages.len() {
        if stages[at].can(class) {
            return true;
        }
        at += 1;
    }
    false
}

/// What a source and a target can promise, as a number.
#[must_use]
pub const fn promise<S: SourceClass, T: TargetClass>() -> usize {
    guarantee::of(S::REPLAYABLE, T::KIND) as usize
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// Functions that only take types that are fit for something. They are called for the length of an
/// array, so that where a type is not fit the length is an error, and every type that follows from
/// it is one that the compiler is silent about.
pub mod witness {
    use crate::contract::error::StageError;
    use crate::contract::record::Record;
    use crate::contract::source::ExtractReturn;
    use crate::contract::stage::{BatchReturn, FilterReturn, LoadReturn, Noted, Rules, StageReturn, State};
    use crate::contract::target::Transaction;

    /// What an extractor returns.
    #[must_use]
    pub const fn extracts<R: ExtractReturn<'static>>() -> usize {
        0
    }

    /// What a transform of records returns.
    #[must_use]
    pub const fn transforms<R: Transforms>() -> usize {
        0
    }

    /// What a transform of batches returns.
    #[must_use]
    pub const fn transforms_batches<R: TransformsBatches>() -> usize {
        0
    }

    /// What a filter returns.
    #[must_use]
    pub const fn filters<R: Filters>() -> usize {
        0
    }

    /// What a loader returns.
    #[must_use]
    pub const fn loads<R: Loads>() -> usize {
        0
    }

    /// What a transform or a filter takes.
    #[must_use]
    pub const fn takes<T: Record>() -> usize {
        0
    }

    /// What a transform keeps between calls.
    #[must_use]
    pub const fn begins<T: State + Send + 'static>() -> usize {
        0
    }

    /// What is validated.
    #[must_use]
    pub const fn has_rules<T: Rules>() -> usize {
        0
    }

    /// What is written into the log of intents.
    #[must_use]
    pub const fn noted<T: Noted>() -> usize {
        0
    }

    /// What a resource lends.
    #[must_use]
    pub const fn lends<T: Send + Sync + 'static>() -> usize {
        0
    }

    /// What a stage is lent.
    #[must_use]
    pub const fn borrows<T: Sync + 'static>() -> usize {
        0
    }

    /// What a loader writes in.
    #[must_use]
    pub const fn transacts<T: Transaction>() -> usize {
        0
    }

    // What is returned, with an error that has classes. In a trait of its own, because the compiler is to look at the
    // error only where the type itself can be returned; and with the text of the trait that says that it can, because
    // the compiler takes the text of this one.

    /// A [`StageReturn`] whose error has classes.
    #[diagnostic::on_unimplemented(
        message = "a `#[transform]` cannot return `{Self}`",
        label = "not a record, nor an `Option`, `Vec` or `Result` of records",
        note = "return a record `U`, `Option<U>` (kept or filtered), `Vec<U>` or `impl Iterator<Item = U>` (any number), or a `Result` of one of these",
        note = "a record is a struct of your own with `#[derive(Record)]` or `#[derive(SerdeRecord)]`; wrap a `String` or a tuple in one"
    )]
    pub trait Transforms {}
    impl<R: StageReturn<Error: StageError>> Transforms for R {}

    /// A [`BatchReturn`] whose error has classes.
    #[diagnostic::on_unimplemented(
        message = "a batch `#[transform]` cannot return `{Self}`",
        label = "not a `Batch`",
        note = "return `Batch<U>`, `Batch<U, E>` or `Result<Batch<U, E>, E>`: one outcome per record of the input, so that positions and counts stay known",
        note = "`records.into_iter().map(f).collect::<Batch<_, _>>()` makes one from what a record stage would return"
    )]
    pub trait TransformsBatches {}
    impl<R: BatchReturn<Error: StageError>> TransformsBatches for R {}

    /// A [`FilterReturn`] whose error has classes.
    #[diagnostic::on_unimplemented(
        message = "a `#[filter]` cannot return `{Self}`",
        label = "neither `bool` nor `Result<bool, _>`",
        note = "return `true` to keep the record; a stage that changes records is a `#[transform]`"
    )]
    pub trait Filters {}
    impl<R: FilterReturn<Error: StageError>> Filters for R {}

    /// A [`LoadReturn`] whose error has classes.
    #[diagnostic::on_unimplemented(
        message = "a `#[loader]` cannot return `{Self}`",
        label = "a loader ends the flow, so it returns no records",
        note = "return nothing, `Result<()>`, `Result<(), E>`, or `Batch<(), E>` with one outcome per record"
    )]
    pub trait Loads {}
    impl<R: LoadReturn<Error: StageError>> Loads for R {}
}

/// One more of a record that the function takes away and that may be needed again.
#[must_use]
pub fn retained<T: Retained>(record: &T) -> T {
    record.clone()
}

/// One more of each record of a batch.
#[must_use]
pub fn all_retained<T: Retained>(records: &[T]) -> Vec<T> {
    records.to_vec()
}

/// The error of opening a source. (A trait and not a function, so that what is asked of the error
/// is asked in the same words wherever generated code uses it.)
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no failure classes",
    label = "the engine cannot know what to do with this error",
    note = "add `#[derive(StageError)]` to `{Self}` and `#[on_error(retry|skip|reject|fail)]` to each variant",
    note = "or return `etl_core::Result<_>`: `?` takes any error and `Error::msg(\"…\")` makes one of a text; both stop the run"
)]
pub trait Extraction: Sized {
    /// Its classes.
    const CLASSES: Classes;

    /// As the error of a run. One that says of what kind it is keeps that.
    fn into_error(self) -> Error;
}

#[diagnostic::do_not_recommend]
impl<E: StageError> Extraction for E {
    const CLASSES: Classes = <E as StageError>::CLASSES;

    fn into_error(self) -> Error {
        of_kind(self, ErrorKind::Extraction)
    }
}

/// The error of making a resource. One that says of what kind it is keeps that.
pub fn resource_error<E: StageError>(error: E) -> Error {
    of_kind(error, ErrorKind::Resource)
}

fn of_kind<E: StageError>(error: E, kind: ErrorKind) -> Error {
    let mut error = Some(error);
    match (&mut error as &mut dyn Any).downcast_mut::<Option<Error>>().and_then(Option::take) {
        Some(ours) if ours.kind() == ErrorKind::Other => ours.with_kind(kind),
        Some(ours) => ours,
        None => error.map_or_else(|| Error::new(kind, "an error"), |error| Error::from_stage(&error, kind)),
    }
}

/// Calls a plain function when it is polled, so that it runs where it is awaited.
///
/// This and [`after`] stand for `async` blocks in generated code: the compiler marks what is inside
/// a block, and so would tell one mistake twice.
pub async fn later<T>(call: impl FnOnce() -> T + Send) -> T {
    call()
}

/// Awaits an `async fn` and makes something of what it returns.
pub async fn after<F: Future, T>(called: F, then: impl FnOnce(F::Output) -> T + Send) -> T {
    then(called.await)
}

/// Makes a resource from what is there already. The types are arguments, so that the compiler's
/// complaint about one that is missing lands on the resource's name; boxed, because the compiler
/// cannot see that a future of borrowed types is `Send` outside of this function.
pub fn make<'c, R: Resource<Needs = N>, N: LentBy<C>, C: Context>(context: &'c C) -> BoxFuture<'c, Result<R::Kept>> {
    Box::pin(async move { R::make(N::lend(context)).await.map_err(|error| error.in_stage(R::NAME, ErrorKind::Resource)) })
}

/// That the `main` of `main!` is that of the module.
pub const fn entry<Made, Main: IsEntry<Made>>(_made: &Made, _main: &Main) {}

/// The `main` that `main!` made.
#[diagnostic::on_unimplemented(
    message = "`main!` makes the `main` of a binary, but stands in a function",
    label = "nothing would run it",
    note = "write `etl_core::main!(…);` beside the functions, in place of `fn main`"
)]
pub trait IsEntry<Made> {}
impl<T> IsEntry<T> for T {}

/// A path for dead letters.
#[diagnostic::on_unimplemented(
    message = "dead letters cannot go to a `{Self}`",
    label = "not a path",
    note = "use a setting of type `PathBuf`, `String` or `Option` of one of these"
)]
pub trait DeadLetterPath {
    /// The path, where one is set.
    fn path(&self) -> Option<PathBuf>;
}

macro_rules! paths {
    ($($type:ty),*) => { $(
        impl DeadLetterPath for $type {
            fn path(&self) -> Option<PathBuf> {
                Some(AsRef::<Path>::as_ref(self).to_path_buf())
            }
        }
    )* };
}

paths!(str, String, Path, PathBuf, std::ffi::OsString, Box<Path>, compact_str::CompactString);

impl<P: DeadLetterPath + ?Sized> DeadLetterPath for &P {
    fn path(&self) -> Option<PathBuf> {
        (**self).path()
    }
}

impl<P: DeadLetterPath> DeadLetterPath for Option<P> {
    fn path(&self) -> Option<PathBuf> {
        self.as_ref().and_then(P::path)
    }
}

/// A record of serde, for `#[derive(SerdeRecord)]`. Its own method wins over the trait's, so a type
/// that is no `Serialize` compiles too.
#[derive(Debug)]
pub struct Shown<'r, T>(pub &'r T);

impl<T: serde::Serialize> Shown<'_, T> {
    /// Appends the record as JSON.
    pub fn write_json(&self, out: &mut Vec<u8>) -> bool {
        let before = out.len();
        let written = serde_json::to_writer(&mut *out, self.0).is_ok();
        if !written {
            out.truncate(before);
        }
        written
    }
}

/// For a type that is no `Serialize`.
pub trait CannotShowItself {
    /// Does nothing.
    fn write_json(&self, out: &mut Vec<u8>) -> bool;
}

impl<T> CannotShowItself for Shown<'_, T> {
    fn write_json(&self, _out: &mut Vec<u8>) -> bool {
        false
    }
}

/// Whether a type is a `Result`: what is known of one wins over what the trait says of all others.
#[derive(Debug)]
pub struct ValueOf<T>(std::marker::PhantomData<T>);

impl<T, E> ValueOf<std::result::Result<T, E>> {
    /// It is one.
    pub const IS_RESULT: bool = true;
}

/// For a type that is no `Result`.
pub trait PlainValue {
    /// It is none.
    const IS_RESULT: bool = false;
}

impl<T> PlainValue for ValueOf<T> {}

/// Whether serde reads or writes a type: what is known of one that it does wins over what the traits say
/// of all others.
#[derive(Debug)]
pub struct Serde<T>(std::marker::PhantomData<T>);

impl<T: serde::de::DeserializeOwned> Serde<T> {
    /// It reads it.
    pub const READS: bool = true;
}

impl<T: serde::Serialize> Serde<T> {
    /// It writes it.
    pub const WRITES: bool = true;
}

/// For a type that is no `Deserialize`.
pub trait NotDeserialized {
    /// It does not.
    const READS: bool = false;
}

/// For a type that is no `Serialize`.
pub trait NotSerialized {
    /// It does not.
    const WRITES: bool = false;
}

impl<T> NotDeserialized for Serde<T> {}
impl<T> NotSerialized for Serde<T> {}

/// What caused an error, for `#[derive(StageError)]`: in the words of a type with classes, in
/// words that are known to quote no record, or withheld. Which one is chosen by the type, in this
/// order.
#[derive(Debug)]
pub struct Cause<'e, E>(pub &'e E);

impl<E: StageError> Cause<'_, E> {
    /// The causes, outermost first.
    #[must_use]
    pub fn texts(&self) -> Vec<Cow<'static, str>> {
        std::iter::once(self.0.message()).chain(self.0.causes()).collect()
    }
}

/// A cause that has no classes.
pub trait ForeignCause {
    /// The causes, outermost first.
    fn texts(&self) -> Vec<Cow<'static, str>>;
}

impl<E: std::error::Error + 'static> ForeignCause for Cause<'_, E> {
    fn texts(&self) -> Vec<Cow<'static, str>> {
        std::iter::once(sanitize::describe(self.0)).chain(sanitize::causes(self.0)).collect()
    }
}

/// A cause of which nothing is known.
pub trait UnknownCause {
    /// That there is one.
    fn texts(&self) -> Vec<Cow<'static, str>>;
}

impl<E> UnknownCause for &Cause<'_, E> {
    fn texts(&self) -> Vec<Cow<'static, str>> {
        vec![Cow::Borrowed("a cause whose text is withheld")]
    }
}

/// A field of type `V` under `#[record(text)]`: read by `FromStr`, shown by `Display`. (`V` is a
/// parameter, so that a type that is not fit is one thing that does not hold, not two.)
pub trait TextCodec<V> {
    /// The column's type.
    const TYPE: ColumnType = ColumnType::Text;
    /// Whether a value may be missing.
    const NULLABLE: bool = false;
    /// Whether a value is masked wherever it is shown to people.
    const SENSITIVE: bool = false;
    /// A column of this type that has no name yet.
    const COLUMN: Column =
        Column { name: "", column_type: Self::TYPE, nullable: Self::NULLABLE, sensitive: Self::SENSITIVE, optional: false };

    /// Reads the field.
    ///
    /// # Errors
    /// What is wrong with the value.
    fn read<S: FieldSource>(source: &mut S, column: usize) -> Result<V, Problem>;

    /// Reads the field of this name.
    ///
    /// # Errors
    /// What is wrong with the value, and the name.
    #[inline]
    fn read_named<S: FieldSource>(source: &mut S, column: usize, name: &'static str) -> Result<V, FieldError> {
        Self::read(source, column).map_err(|problem| FieldError { column: name, problem })
    }

    /// Reads the field of this name; where it has no value, its type's default.
    ///
    /// # Errors
    /// What is wrong with the value, and the name.
    #[inline]
    fn read_or_default<S: FieldSource>(source: &mut S, column: usize, name: &'static str) -> Result<V, FieldError>
    where
        V: Default,
    {
        if source.null(column) { Ok(V::default()) } else { Self::read_named(source, column, name) }
    }

    /// Does something with the field, see [`Encode::fields`](crate::record::Encode::fields).
    ///
    /// # Errors
    /// What is done returns.
    #[inline]
    fn each<R, D: EachField<R>>(doing: &mut D, column: usize, get: impl Fn(&R) -> &V) -> Result<(), D::Error>
    where
        Self: Sized,
    {
        doing.field::<V, AsText<Self>>(column, get)
    }

    /// The field as text, where it has a value.
    fn text(value: &V) -> Option<String>;

    /// Shows the field.
    ///
    /// # Errors
    /// What the visitor returns.
    fn show<W: FieldVisitor>(value: &V, visitor: &mut W, column: usize) -> Result<(), W::Error> {
        match Self::text(value) {
            Some(text) => visitor.text(column, &text),
            None => visitor.null(column),
        }
    }

    /// Shows the field of many records.
    ///
    /// # Errors
    /// What the visitor returns.
    fn show_column<'r, R: 'r, W: ColumnVisitor>(
        records: &'r [R],
        get: impl Fn(&'r R) -> Option<&'r V>,
        visitor: &mut W,
        column: usize,
    ) -> Result<(), W::Error>
    where
        V: 'r,
    {
        visitor.texts(column, records.iter().map(|record| get(record).and_then(Self::text)))
    }
}

/// A field is shown as text.
#[derive(Debug)]
pub struct AsText<C>(std::marker::PhantomData<C>);

impl<V, C: TextCodec<V>> ShowField<V> for AsText<C> {
    #[inline]
    fn show_one<W: FieldVisitor>(field: &V, visitor: &mut W, column: usize) -> Result<(), W::Error> {
        C::show(field, visitor, column)
    }

    fn show_many<'r, R: 'r, W: ColumnVisitor>(
        records: &'r [R],
        get: impl Fn(&'r R) -> &'r V,
        visitor: &mut W,
        column: usize,
    ) -> Result<(), W::Error>
    where
        V: 'r,
    {
        C::show_column(records, |record| Some(get(record)), visitor, column)
    }
}

/// A type that stands under `#[record(text)]` as it is.
#[derive(Debug)]
pub enum Text {}
/// An `Option` of one.
#[derive(Debug)]
pub struct TextOption<C>(std::marker::PhantomData<C>);
/// A `Sensitive` one.
#[derive(Debug)]
pub struct TextSensitive<C>(std::marker::PhantomData<C>);

/// A type that can stand under `#[record(text)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand under `#[record(text)]`",
    label = "cannot be read from text and shown as text",
    note = "implement `FromStr` and `Display` for `{Self}`"
)]
pub trait Textual: FromStr + ToString {}
#[diagnostic::do_not_recommend]
impl<T: FromStr + ToString> Textual for T {}

impl<T: Textual> TextCodec<T> for Text {
    fn read<S: FieldSource>(source: &mut S, column: usize) -> Result<T, Problem> {
        source.text(column)?.parse().map_err(|_| Problem::Refused)
    }

    fn text(value: &T) -> Option<String> {
        Some(value.to_string())
    }
}

impl<V, C: TextCodec<V>> TextCodec<Option<V>> for TextOption<C> {
    const NULLABLE: bool = true;
    const SENSITIVE: bool = C::SENSITIVE;

    fn read<S: FieldSource>(source: &mut S, column: usize) -> Result<Option<V>, Problem> {
        if source.null(column) { Ok(None) } else { C::read(source, column).map(Some) }
    }

    fn text(value: &Option<V>) -> Option<String> {
        value.as_ref().and_then(C::text)
    }
}

impl<V, C: TextCodec<V>> TextCodec<Sensitive<V>> for TextSensitive<C> {
    const NULLABLE: bool = C::NULLABLE;
    const SENSITIVE: bool = true;

    fn read<S: FieldSource>(source: &mut S, column: usize) -> Result<Sensitive<V>, Problem> {
        C::read(source, column).map(Sensitive::new)
    }

    fn text(value: &Sensitive<V>) -> Option<String> {
        C::text(value.reveal())
    }
}
