//! The builder that `pipeline!` expands to: stage after stage, typed, into a [`Plan`].
//!
//! The free functions are what the macro calls, with every type argument spelt out, so that the
//! compiler's complaint lands on the stage's name. By hand, the methods of [`Flow`] read better;
//! both make the same plan.
//!
//! ```ignore
//! Plan::build("copy").extract::<read>().transform::<clean>().load::<write>()
//! ```

use std::marker::PhantomData;

use super::steps::{LoadStep, OpenStep, Step};
use crate::contract::guarantee;
use crate::contract::needs::{Context, LentBy, Needs};
use crate::contract::policy::{Delivery, Policy};
use crate::contract::record::Record;
use crate::contract::stage::{Extractor, Guard, Loader, Role, StageDefinition, Transform};

/// A whole pipeline, wired and ready to run with a context of type `C`.
pub struct Plan<C> {
    pub(crate) outline: Outline,
    pub(crate) source: Box<dyn OpenStep<C>>,
    pub(crate) steps: Vec<Step<C>>,
    pub(crate) loader: Box<dyn LoadStep<C>>,
}

/// What can be known of a pipeline without running it: the graph of its stages and its policy.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Outline {
    /// The pipeline's name.
    pub name: &'static str,
    /// Its documentation.
    pub doc: &'static str,
    /// The stages; an edge names them by index.
    pub stages: Vec<StageDefinition>,
    /// Which stage feeds which.
    pub edges: Vec<Edge>,
    /// The names of its resources, in the order in which they are made.
    pub resources: Vec<&'static str>,
    /// Its policy, as written.
    pub policy: Policy,
}

impl Outline {
    /// What its source and its targets can promise; what `delivery:` demands may be less.
    #[must_use]
    pub fn guarantee(&self) -> Delivery {
        let replayable = self.stages.iter().filter(|stage| stage.role == Role::Extractor).all(|stage| stage.replayable);
        let of = |stage: &StageDefinition| guarantee::of(replayable, stage.target);
        // The weakest of them; the order of the words is that of their strength.
        self.stages.iter().filter(|stage| stage.role == Role::Loader).map(of).min().unwrap_or(Delivery::AtMostOnce)
    }

    /// A number that changes when a stage, its options or the order of the stages do: another flow
    /// cannot go on from this one's checkpoint.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut hash = Fnv::new();
        for stage in &self.stages {
            hash.bytes(stage.name.as_bytes());
            hash.bytes(&stage.fingerprint.to_le_bytes());
        }
        for edge in &self.edges {
            hash.bytes(&(edge.from as u64).to_le_bytes());
            hash.bytes(&(edge.to as u64).to_le_bytes());
        }
        hash.0
    }
}

/// FNV-1a, 64 bits: the same on every machine and in every version, which the hashes of the standard
/// library do not promise.
struct Fnv(u64);

impl Fnv {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// Records go from one stage to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Edge {
    /// Index of the stage that yields.
    pub from: usize,
    /// Index of the stage that takes.
    pub to: usize,
}

impl<C> std::fmt::Debug for Plan<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Plan").field(&self.outline).finish()
    }
}

impl<C: Context> Plan<C> {
    /// Begins a pipeline.
    #[must_use]
    pub fn build(name: &'static str) -> Builder<C> {
        Builder {
            outline: Outline { name, doc: "", stages: Vec::new(), edges: Vec::new(), resources: Vec::new(), policy: Policy::NONE },
            context: PhantomData,
        }
    }

    /// What the pipeline is made of.
    #[must_use]
    pub fn outline(&self) -> &Outline {
        &self.outline
    }
}

/// A pipeline that has no stage yet.
pub struct Builder<C> {
    outline: Outline,
    context: PhantomData<fn(&C)>,
}

impl<C> std::fmt::Debug for Builder<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Builder").field(&self.outline).finish()
    }
}

impl<C: Context> Builder<C> {
    /// What the pipeline is for.
    #[must_use]
    pub fn doc(mut self, doc: &'static str) -> Self {
        self.outline.doc = doc;
        self
    }

    /// What the pipeline as a whole promises and tolerates.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.outline.policy = policy;
        self
    }

    /// The names of the resources, in the order in which they are made.
    #[must_use]
    pub fn resources(mut self, names: &[&'static str]) -> Self {
        self.outline.resources = names.to_vec();
        self
    }

    /// Starts the flow.
    #[must_use]
    pub fn extract<S>(self) -> Flow<C, S::Out>
    where
        S: Extractor + Opens<S::Out, S::Needs>,
        S::Needs: LentBy<C>,
    {
        extract::<S, S::Out, S::Needs, C>(self)
    }
}

/// A flow that has stages, and now carries records of type `T`.
pub struct Flow<C, T> {
    outline: Outline,
    source: Box<dyn OpenStep<C>>,
    steps: Vec<Step<C>>,
    carries: PhantomData<fn() -> T>,
}

impl<C, T> std::fmt::Debug for Flow<C, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Flow").field(&self.outline).finish()
    }
}

impl<C: Context, T: Record> Flow<C, T> {
    /// Sends the records through a transform or a filter.
    #[must_use]
    pub fn transform<S>(self) -> Flow<C, S::Out>
    where
        S: Transform<In = T> + Runs<T, S::Out, NeedsOf<S>>,
        NeedsOf<S>: LentBy<C>,
    {
        transform::<S, T, S::Out, NeedsOf<S>, C>(self)
    }

    /// Ends the flow.
    #[must_use]
    pub fn load<S>(self) -> Plan<C>
    where
        S: Loader<In = T> + Loads<T, LoaderNeeds<S>>,
        LoaderNeeds<S>: LentBy<C>,
    {
        load::<S, T, LoaderNeeds<S>, C>(self)
    }
}

impl<C, T> Flow<C, T> {
    fn add(outline: &mut Outline, stage: StageDefinition) {
        let to = outline.stages.len();
        outline.edges.push(Edge { from: to - 1, to });
        outline.stages.push(stage);
    }
}

/// The relation that holds between neighbours: what `From` yields is what `To` takes.
///
/// It is a trait with one reflexive impl, not an equality bound, because only a trait can carry
/// this text.
#[diagnostic::on_unimplemented(
    message = "stage `{To}` expects records of type `{Self}`, but `{From}` produces `{Out}`",
    label = "expects `{Self}`, but the previous stage `{From}` produces `{Out}`",
    note = "insert a `#[transform]` that maps `{Out}` to `{Self}` between `{From}` and `{To}`"
)]
pub trait FedBy<From, To, Out> {}

#[diagnostic::do_not_recommend]
impl<T, From, To> FedBy<From, To, T> for T {}

/// Starts the flow with an extractor.
#[must_use]
pub fn extract<S: Opens<Out, N>, Out, N: LentBy<C>, C: Context>(builder: Builder<C>) -> Flow<C, Out> {
    let mut outline = builder.outline;
    outline.stages.push(S::definition());
    Flow { outline, source: S::step(), steps: Vec::new(), carries: PhantomData }
}

/// Says that the records of the flow are those that the next stage takes.
#[must_use]
pub fn connect<In: FedBy<From, To, Out>, From, To, Out, C>(flow: Flow<C, Out>) -> Flow<C, In> {
    Flow { outline: flow.outline, source: flow.source, steps: flow.steps, carries: PhantomData }
}

/// Sends the records through a transform or a filter.
#[must_use]
pub fn transform<S: Runs<In, Out, N>, In, Out, N: LentBy<C>, C: Context>(mut flow: Flow<C, In>) -> Flow<C, Out> {
    Flow::<C, In>::add(&mut flow.outline, S::definition());
    flow.steps.push(S::step());
    Flow { outline: flow.outline, source: flow.source, steps: flow.steps, carries: PhantomData }
}

/// [`connect`] and [`transform`] in one.
#[must_use]
pub fn pass<S: Runs<In, Out, N>, In: FedBy<From, S, Yields>, Out, N: LentBy<C>, From, Yields, C: Context>(
    flow: Flow<C, Yields>,
) -> Flow<C, Out> {
    transform::<S, In, Out, N, C>(connect::<In, From, S, Yields, C>(flow))
}

/// Ends the flow with a loader.
#[must_use]
pub fn load<S: Loads<In, N>, In, N: LentBy<C>, C: Context>(mut flow: Flow<C, In>) -> Plan<C> {
    Flow::<C, In>::add(&mut flow.outline, S::definition());
    Plan { outline: flow.outline, source: flow.source, steps: flow.steps, loader: S::step() }
}

/// [`connect`] and [`load`] in one.
#[must_use]
pub fn end<S: Loads<In, N>, In: FedBy<From, S, Yields>, N: LentBy<C>, From, Yields, C: Context>(flow: Flow<C, Yields>) -> Plan<C> {
    load::<S, In, N, C>(connect::<In, From, S, Yields, C>(flow))
}

/// Everything that a transform borrows: what its function needs and what its rules read.
pub type NeedsOf<S> = All<
    <S as Transform>::Needs,
    <<S as Transform>::InputGuard as Guard<<S as Transform>::In>>::Needs,
    <<S as Transform>::OutputGuard as Guard<<S as Transform>::Out>>::Needs,
>;

/// Everything that a loader borrows: what its function needs and what its rules read.
pub type LoaderNeeds<S> = All<<S as Loader>::Needs, <<S as Loader>::InputGuard as Guard<<S as Loader>::In>>::Needs, ()>;

/// What a stage's function, the rules on its input and the rules on its output need.
#[derive(Debug)]
pub struct All<F, I, O>(PhantomData<F>, PhantomData<I>, PhantomData<O>);

impl<F: Needs, I: Needs, O: Needs> Needs for All<F, I, O> {
    type Lent<'a> = (F::Lent<'a>, I::Lent<'a>, O::Lent<'a>);
}

impl<F: Needs, I: Needs, O: Needs> All<F, I, O> {
    /// The three parts. A function of its own, because where a `LentBy` bound is in scope the
    /// compiler no longer sees that `Lent` is a tuple.
    pub(super) fn parts<'a>(lent: <Self as Needs>::Lent<'a>) -> (F::Lent<'a>, I::Lent<'a>, O::Lent<'a>) {
        lent
    }
}

impl<C, F: LentBy<C>, I: LentBy<C>, O: LentBy<C>> LentBy<C> for All<F, I, O> {
    fn lend(context: &C) -> Self::Lent<'_> {
        (F::lend(context), I::lend(context), O::lend(context))
    }
}

/// An extractor as `extract` sees it; implemented for all of them.
pub trait Opens<Out, N: Needs> {
    /// What is known of the stage.
    fn definition() -> StageDefinition;
    /// The stage for the engine.
    fn step<C: Context>() -> Box<dyn OpenStep<C>>
    where
        N: LentBy<C>;
}

/// A transform or filter as `transform` sees it; implemented for all of them.
pub trait Runs<In, Out, N: Needs> {
    /// What is known of the stage.
    fn definition() -> StageDefinition;
    /// The stage for the engine.
    fn step<C: Context>() -> Step<C>
    where
        N: LentBy<C>;
}

/// A loader as `load` sees it; implemented for all of them.
pub trait Loads<In, N: Needs> {
    /// What is known of the stage.
    fn definition() -> StageDefinition;
    /// The stage for the engine.
    fn step<C: Context>() -> Box<dyn LoadStep<C>>
    where
        N: LentBy<C>;
}
