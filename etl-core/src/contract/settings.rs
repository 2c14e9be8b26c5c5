//! What the operator sets, as far as the compiler knows it.

use serde::de::DeserializeOwned;

/// The settings of a pipeline. `#[derive(Settings)]` implements it together with serde's
/// `Deserialize`, once it has looked at their names: at those that hold secrets, and at those that
/// mean something else on the command line.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has not been checked as settings",
    label = "no `#[derive(Settings)]`",
    note = "add `#[derive(Settings)]` to `{Self}`, in place of `Deserialize`"
)]
pub trait Settings: DeserializeOwned + Send + Sync + 'static {
    /// The names that the operator sets, as `--set` and files write them.
    const NAMES: &'static [&'static str];
}

/// Nothing to set.
impl Settings for () {
    const NAMES: &'static [&'static str] = &[];
}
