//! A pipeline as `pipeline!` defines it.

use std::path::PathBuf;

use super::options::RunOptions;
use super::wiring::Plan;
use crate::contract::error::Result;
use crate::contract::guarantee::{Guarantee, at_least_once, at_most_once, effectively_once, exactly_once};
use crate::contract::needs::Context;
use crate::contract::policy::Delivery;
use crate::contract::settings::Settings;
use crate::observe::report::Report;

/// A pipeline: what it is made of and how to make it. Written by `pipeline!`.
pub trait Pipeline: Sized + Send + Sync + 'static {
    /// What the operator sets; `()` where there is nothing to set.
    type Settings: Settings;
    /// The settings and resources of one run.
    type Context: Context;
    /// What its source and its target can promise: computed by the compiler from their types.
    type Guarantee: Guarantee;
    /// The name, as written in `pipeline!`.
    const NAME: &'static str;
    /// The same, as a value.
    const GUARANTEE: Delivery = Self::Guarantee::DELIVERY;

    /// The stages, their order, and the policies.
    fn plan() -> Plan<Self::Context>;

    /// Makes the resources, in the order in which they are listed.
    fn context(settings: Self::Settings) -> impl Future<Output = Result<Self::Context>> + Send;

    /// The settings of a context.
    fn settings(context: &Self::Context) -> &Self::Settings;

    /// Where rejected records go.
    fn dead_letter(settings: &Self::Settings) -> Option<PathBuf>;

    /// Runs it inside a program that has a tokio runtime, of one thread or of many, alone or beside
    /// others. The report says what became of every record, also where the run failed;
    /// [`Report::into_result`] makes an error of that. Where the source can be read again it is kept how
    /// far the run comes, in `.etl/` in the working directory, and the next run goes on from there.
    ///
    /// Plain functions compute on threads of the run, never on the runtime's. To set options, to stop
    /// the run or to watch its metrics, make it from [`Pipeline::plan`] and [`Pipeline::context`].
    /// When the future is dropped, the run is given up.
    ///
    /// ```ignore
    /// #[tokio::main]
    /// async fn main() -> etl_core::Result<()> {
    ///     let (flights, airports) = tokio::join!(Flights::run(settings), Airports::run(()));
    ///     println!("{} flights loaded", flights?.into_result()?.records.loaded);
    ///     airports?.into_result().map(drop)
    /// }
    /// ```
    ///
    /// # Errors
    /// A resource that cannot be made: no record has moved.
    fn run(settings: Self::Settings) -> impl Future<Output = Result<Report>> + Send {
        Self::run_with(settings, |_as_written| {})
    }

    /// As [`Pipeline::run`], with options changed: where it is kept how far runs have come, say.
    ///
    /// ```ignore
    /// Flights::run_with(settings, |options| options.state = Some("/var/lib/flights".into())).await
    /// ```
    ///
    /// # Errors
    /// A resource that cannot be made: no record has moved.
    fn run_with(settings: Self::Settings, change: impl FnOnce(&mut RunOptions) + Send) -> impl Future<Output = Result<Report>> + Send {
        async move {
            let plan = Self::plan();
            let mut options = RunOptions::new(plan.outline());
            options.dead_letter = Self::dead_letter(&settings);
            change(&mut options);
            Ok(plan.with(Self::context(settings).await?, options).execute().await)
        }
    }
}

/// A pipeline that loses no record and loads none twice, through any kill.
///
/// This and the next three are implemented by the compiler, from the types of a pipeline's source and
/// target. rustdoc lists the one that a pipeline has among its blanket implementations, and a function
/// can ask for it: `fn nightly<P: ExactlyOnce>()`.
#[diagnostic::on_unimplemented(
    message = "pipeline `{Self}` does not load exactly once",
    label = "needs a source that can be read again and a target with transactions",
    note = "`{Self}::GUARANTEE` says what it does"
)]
pub trait ExactlyOnce: Pipeline {}
#[diagnostic::do_not_recommend]
impl<P: Pipeline<Guarantee = exactly_once>> ExactlyOnce for P {}

/// A pipeline that loses no record; one that is loaded again takes the place of the first.
#[diagnostic::on_unimplemented(
    message = "pipeline `{Self}` does not load effectively once",
    note = "`{Self}::GUARANTEE` says what it does"
)]
pub trait EffectivelyOnce: Pipeline {}
#[diagnostic::do_not_recommend]
impl<P: Pipeline<Guarantee = effectively_once>> EffectivelyOnce for P {}

/// A pipeline that loses no record; one that is loaded again is there twice.
#[diagnostic::on_unimplemented(message = "pipeline `{Self}` does not load at least once", note = "`{Self}::GUARANTEE` says what it does")]
pub trait AtLeastOnce: Pipeline {}
#[diagnostic::do_not_recommend]
impl<P: Pipeline<Guarantee = at_least_once>> AtLeastOnce for P {}

/// A pipeline whose records are lost when it is killed before it has loaded them.
#[diagnostic::on_unimplemented(message = "pipeline `{Self}` does not load at most once", note = "`{Self}::GUARANTEE` says what it does")]
pub trait AtMostOnce: Pipeline {}
#[diagnostic::do_not_recommend]
impl<P: Pipeline<Guarantee = at_most_once>> AtMostOnce for P {}
