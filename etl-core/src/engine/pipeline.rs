//! A pipeline as `pipeline!` defines it.

use std::path::PathBuf;

use serde::de::DeserializeOwned;

use super::wiring::Plan;
use crate::contract::error::Result;
use crate::contract::needs::Context;
use crate::contract::policy::Delivery;

/// A pipeline: what it is made of and how to make it. Written by `pipeline!`.
pub trait Pipeline: Sized + Send + Sync + 'static {
    /// What the operator sets; `()` where there is nothing to set.
    type Settings: DeserializeOwned + Send + Sync + 'static;
    /// The settings and resources of one run.
    type Context: Context;
    /// The name, as written in `pipeline!`.
    const NAME: &'static str;
    /// What its source and its target can promise: computed by the compiler from their types.
    const GUARANTEE: Delivery;
    /// Whether a record can be lost when a run is killed.
    const MAY_LOSE: bool = Self::GUARANTEE.may_lose();
    /// Whether a record can be in the target twice when a run is killed or a load is tried again.
    const MAY_DOUBLE: bool = Self::GUARANTEE.may_double();

    /// The stages, their order, and the policies.
    fn plan() -> Plan<Self::Context>;

    /// Makes the resources, in the order in which they are listed.
    fn context(settings: Self::Settings) -> impl Future<Output = Result<Self::Context>> + Send;

    /// The settings of a context.
    fn settings(context: &Self::Context) -> &Self::Settings;

    /// Where rejected records go.
    fn dead_letter(settings: &Self::Settings) -> Option<PathBuf>;
}
