//! What the operator sets, as far as the compiler knows it.

use serde::de::DeserializeOwned;

/// The settings of a pipeline. `#[derive(Settings)]` implements it together with serde's
/// `Deserialize`.
///
/// A type that only has `Deserialize` can be the settings of a pipeline too. Then what the compiler
/// would have said of its names is said when the program starts.
pub trait Settings: DeserializeOwned + Send + Sync + 'static {
    /// The names that the operator sets, as `--set` and files write them.
    const NAMES: &'static [&'static str];
}
