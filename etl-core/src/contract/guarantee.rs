//! What a pipeline can promise, from what its source and its target can do.
//!
//! | | [`Replayable`] source | [`Ephemeral`] source |
//! |---|---|---|
//! | [`Transactional`] target | exactly once | at most once |
//! | [`Keyed`] target | effectively once | at most once |
//! | [`AppendOnly`] target | at least once | at most once |
//!
//! The classes are types, so that a `delivery:` that the parts cannot keep does not compile; and
//! they are constants, so that `plan`, the report and rustdoc can say what follows from them.

#![allow(non_camel_case_types, reason = "the compiler prints the names of the demands, and people wrote them so")]

use super::policy::Delivery;

/// Whether a source can be read again; [`Replayable`] or [`Ephemeral`].
pub trait SourceClass: 'static {
    /// The same, as a value.
    const REPLAYABLE: bool;
}

/// A source that yields the same records in the same order when it is read again, from any position.
#[derive(Debug)]
pub enum Replayable {}
/// A source whose records are gone once they are read: a stream, an iterator, a `Vec`.
#[derive(Debug)]
pub enum Ephemeral {}

impl SourceClass for Replayable {
    const REPLAYABLE: bool = true;
}
impl SourceClass for Ephemeral {
    const REPLAYABLE: bool = false;
}

/// How a target takes what is loaded a second time; [`Transactional`], [`Keyed`] or [`AppendOnly`].
pub trait TargetClass: 'static {
    /// The same, as a value.
    const KIND: TargetKind;
}

/// A target that commits records together with the position in the source that they reach: in one
/// transaction, or as a file that appears whole.
#[derive(Debug)]
pub enum Transactional {}
/// A target in which a record that is loaded again takes the place of the first, by its key.
#[derive(Debug)]
pub enum Keyed {}
/// A target that only appends: what is loaded again is there twice.
#[derive(Debug)]
pub enum AppendOnly {}

/// The classes of targets, as values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TargetKind {
    /// [`Transactional`]
    Commits,
    /// [`Keyed`]
    Replaces,
    /// [`AppendOnly`]
    Appends,
}

impl TargetClass for Transactional {
    const KIND: TargetKind = TargetKind::Commits;
}
impl TargetClass for Keyed {
    const KIND: TargetKind = TargetKind::Replaces;
}
impl TargetClass for AppendOnly {
    const KIND: TargetKind = TargetKind::Appends;
}

/// What follows from a source and a target: the table above.
#[must_use]
pub const fn of(replayable: bool, target: TargetKind) -> Delivery {
    match (replayable, target) {
        (false, _) => Delivery::AtMostOnce,
        (true, TargetKind::Commits) => Delivery::ExactlyOnce,
        (true, TargetKind::Replaces) => Delivery::EffectivelyOnce,
        (true, TargetKind::Appends) => Delivery::AtLeastOnce,
    }
}

/// A guarantee as a type.
pub trait Guarantee: 'static {
    /// The same, as a value.
    const DELIVERY: Delivery;
}

/// The guarantee of a number, which is the length of an array: how `pipeline!` makes a type of what
/// [`of`] returns.
pub trait Numbered {
    /// The guarantee.
    type Guarantee: Guarantee;
}

macro_rules! guarantees {
    ($($(#[$doc:meta])* $word:ident, $delivery:ident;)*) => { $(
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $word {}

        impl Guarantee for $word {
            const DELIVERY: Delivery = Delivery::$delivery;
        }

        impl Numbered for [(); Delivery::$delivery as usize] {
            type Guarantee = $word;
        }
    )* };
}

guarantees! {
    /// `delivery: at_most_once`
    at_most_once, AtMostOnce;
    /// `delivery: at_least_once`
    at_least_once, AtLeastOnce;
    /// `delivery: effectively_once`
    effectively_once, EffectivelyOnce;
    /// `delivery: exactly_once`
    exactly_once, ExactlyOnce;
}

/// A source from which the delivery `Demand` can be kept; `Stage` is the extractor.
#[diagnostic::on_unimplemented(
    message = "`{Demand}` cannot be kept: what `{Stage}` yields cannot be read again",
    label = "after a crash, the records that were under way are lost",
    note = "return a source with positions, such as `csv::Rows<_>`; a `Vec`, an iterator and a stream have none",
    note = "or write `#[extractor(replayable)]` on `{Stage}`, if it yields the same records in the same order whenever it is called"
)]
pub trait ReadAgain<Stage, Demand> {}
#[diagnostic::do_not_recommend]
impl<Stage, Demand> ReadAgain<Stage, Demand> for Replayable {}

/// A target to which records are loaded exactly once; `Stage` is the loader.
#[diagnostic::on_unimplemented(
    message = "`exactly_once` cannot be kept: the target of `{Stage}` is `{Self}`",
    label = "after a crash, what was loaded since the last checkpoint is loaded again",
    note = "write in a target's transaction (`&mut Tx`): the engine commits records and checkpoint together",
    note = "or demand what can be kept: `effectively_once` where a record replaces an earlier one by its key (`#[loader(idempotent(key = id))]`), else `at_least_once`"
)]
pub trait CommitsExactlyOnce<Stage> {}
#[diagnostic::do_not_recommend]
impl<Stage> CommitsExactlyOnce<Stage> for Transactional {}

/// A target in which a record that is loaded twice is there once; `Stage` is the loader.
#[diagnostic::on_unimplemented(
    message = "`effectively_once` cannot be kept: the target of `{Stage}` is `{Self}`",
    label = "a record that is loaded again is there twice",
    note = "say by which field a record replaces an earlier one, `#[loader(idempotent(key = id))]`, or write in a target's transaction (`&mut Tx`)",
    note = "or demand what can be kept: `at_least_once`"
)]
pub trait CommitsEffectivelyOnce<Stage> {}
#[diagnostic::do_not_recommend]
impl<Stage> CommitsEffectivelyOnce<Stage> for Transactional {}
#[diagnostic::do_not_recommend]
impl<Stage> CommitsEffectivelyOnce<Stage> for Keyed {}

/// A target in which a whole run can appear at once; `Stage` is the loader.
#[diagnostic::on_unimplemented(
    message = "`atomic: run` cannot be kept: the target of `{Stage}` is `{Self}`",
    label = "what a run that fails has loaded stays there",
    note = "write in a target's transaction (`&mut Tx`), or remove `atomic: run`"
)]
pub trait CommitsWholeRuns<Stage> {}
#[diagnostic::do_not_recommend]
impl<Stage> CommitsWholeRuns<Stage> for Transactional {}

/// The state of a stage that a checkpoint can hold; `Stage` is the transform.
#[diagnostic::on_unimplemented(
    message = "the state of stage `{Stage}` cannot be kept in a checkpoint",
    label = "keeps a `{Self}`, which cannot be written and read again",
    note = "derive `serde::Serialize` and `serde::Deserialize` for `{Self}`",
    note = "`delivery:` demands that a run goes on where another was stopped, with the state that its stages had there"
)]
pub trait Kept<Stage> {}
#[diagnostic::do_not_recommend]
impl<Stage, T: serde::Serialize + serde::de::DeserializeOwned> Kept<Stage> for T {}

#[cfg(test)]
mod tests {
    use super::{AppendOnly, Ephemeral, Keyed, Replayable, SourceClass, TargetClass, Transactional, of};
    use crate::contract::policy::Delivery;

    #[test]
    fn the_guarantee_follows_from_source_and_target() {
        const fn guarantee<S: SourceClass, T: TargetClass>() -> Delivery {
            of(S::REPLAYABLE, T::KIND)
        }
        assert_eq!(guarantee::<Replayable, Transactional>(), Delivery::ExactlyOnce);
        assert_eq!(guarantee::<Replayable, Keyed>(), Delivery::EffectivelyOnce);
        assert_eq!(guarantee::<Replayable, AppendOnly>(), Delivery::AtLeastOnce);
        assert_eq!(guarantee::<Ephemeral, Transactional>(), Delivery::AtMostOnce);
        assert_eq!(guarantee::<Ephemeral, Keyed>(), Delivery::AtMostOnce);
        assert_eq!(guarantee::<Ephemeral, AppendOnly>(), Delivery::AtMostOnce);
    }
}
