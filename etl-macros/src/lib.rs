//! The compiler of the pipeline language: every macro parses into a model, checks it, and expands
//! into thin calls of the runtime. Only entry points stand here.
//!
//! Use it through `etl_core`, which re-exports everything.

mod ctx;
mod derive;
mod diag;
mod entry;
mod fingerprint;
mod item;
mod messages;
mod options;
mod pipeline;
mod returns;
mod role;
mod signature;
mod stage;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

use diag::Errors;
use role::Role;

/// The output first and then what is wrong, so that nothing that could be expanded gets lost.
fn output((mut output, errors): (proc_macro2::TokenStream, Errors)) -> TokenStream {
    output.extend(errors.into_tokens());
    output.into()
}

/// The first stage of a flow: opens something that yields records.
///
/// ```text
/// #[extractor(batch = 1_000, malformed = reject)]
/// fn flights(config: &Config) -> Result<csv::Rows<RawFlight>> { csv::read(&config.input) }
/// ```
///
/// It returns a connector's source, `Vec<T>`, `impl Iterator<Item = T>`, `impl Stream<Item = T>`, or a `Result` of
/// one of these; sync or async. Everything it takes is lent: `&Settings`, `&Resource`.
///
/// Options: `batch` (records that travel together), `linger` (how long a record waits for its batch to fill),
/// `rate = "100/s"` (records read), `retries`, `backoff`, `timeout` (of opening, `async fn` only),
/// `deadline` (of all tries together), `malformed = reject|skip|fail` (a record that cannot be decoded), `replayable`
/// (the author's word that the same records come again in the same order, for what no type says it of: a `Vec`, an
/// iterator), `crate = path`.
#[proc_macro_attribute]
pub fn extractor(options: TokenStream, item: TokenStream) -> TokenStream {
    output(stage::expand(Role::Extractor, options.into(), item.into()))
}

/// A stage between two others that changes records.
///
/// ```text
/// #[transform(parallel, batch = 500, validate(output))]
/// fn clean(raw: RawFlight, registry: &Registry) -> Result<Flight, CleanError> { … }
/// ```
///
/// The first parameter is the record (`T` or `&T`) or a batch (`Vec<T>` or `&[T]`); then come `&Resource`s, `&Settings`
/// and at most one `&mut State`. It returns `U`, `Option<U>`, `Vec<U>` or `impl Iterator<Item = U>`, or a `Result` of
/// one of these; for a batch `Batch<U>`, `Batch<U, E>` or a `Result` of one of these.
///
/// Options: `parallel`, `batch`, `concurrency` (calls under way, `async fn` only), `unordered`,
/// `rate = "100/s"` (records, tries again among them; `async fn` only), `retries`, `backoff`,
/// `timeout` (`async fn` only), `deadline` (of all tries of a record together), `validate(input, output)`,
/// `invalid = reject|skip|fail`, `compensate = undo` (not for batches), `crate = path`.
///
/// `compensate = undo` is for what the function does outside of the process. Where records are not committed, because
/// the run fails, is stopped or was killed, `undo` is called for each, the newest first, with the record, what the
/// function returned for it if that is known, and the function's resources:
/// `fn undo(input: &T, output: Option<&U>, …) -> Result<(), E>`, `async` where the function is. Both records need serde's
/// `Serialize` and `Deserialize`, because they are written down before and after each call.
///
/// State begins as its `Default` and belongs to one run. It keeps what a try changed that failed: with `retries`,
/// change it last. The function is not called at the end of the input yet, so state cannot hold records back.
#[proc_macro_attribute]
pub fn transform(options: TokenStream, item: TokenStream) -> TokenStream {
    output(stage::expand(Role::Transform, options.into(), item.into()))
}

/// A stage between two others that keeps or drops records.
///
/// ```text
/// #[filter]
/// fn departed(flight: &Flight) -> bool { flight.dep_delay.is_some() }
/// ```
///
/// It takes `&T` and then `&Resource`s, and returns `bool` or `Result<bool, E>`; sync or async.
///
/// Options: `rate = "100/s"` (`async fn` only), `retries`, `backoff`, `timeout` (`async fn` only), `deadline` (of all
/// tries of a record together),
/// `validate(input)`, `invalid = reject|skip|fail`, `crate = path`.
#[proc_macro_attribute]
pub fn filter(options: TokenStream, item: TokenStream) -> TokenStream {
    output(stage::expand(Role::Filter, options.into(), item.into()))
}

/// The last stage of a flow: writes records to a target.
///
/// ```text
/// #[loader(batch = 5_000, retries = 3)]
/// async fn table(flights: &[Flight], tx: &mut postgres::Transaction<'_>) -> Result<()> { tx.copy_in("flights", flights).await }
/// ```
///
/// It takes `&[T]` or `&T`, then `&Resource`s and at most one `&mut Transaction`, and returns nothing, `Result<(), E>`
/// or one outcome per record as `Batch<(), E>`; sync or async.
///
/// Options: `batch`, `concurrency` (transactions under way, committed in any order; for a target that can have several,
/// such as PostgreSQL), `linger` (how long a record waits for its batch to fill: 1 s), `rate = "100/s"` (records
/// committed), `retries`, `backoff`, `timeout` (`async fn` only), `deadline` (of all tries of a batch together),
/// `outage = "10m"` (how long a target that is away is waited for when the retries are used up),
/// `validate(input)`, `invalid = reject|skip|fail`, `idempotent(key = id)` or `idempotent(key = [day, number])` (the
/// author's word that a record takes the place of an earlier one with the same key, for a loader without a
/// transaction), `crate = path`.
#[proc_macro_attribute]
pub fn loader(options: TokenStream, item: TokenStream) -> TokenStream {
    output(stage::expand(Role::Loader, options.into(), item.into()))
}

/// Something made once per run and lent to the stages that ask for its type.
///
/// ```text
/// #[resource]
/// async fn warehouse(config: &Config) -> Result<postgres::Pool> { … }
/// ```
///
/// It takes the settings and resources that are listed before it, and returns `V`, `Result<V>` or `Result<V, E>`.
/// `Result` is written so, because the type that is lent is read from the signature.
#[proc_macro_attribute]
pub fn resource(options: TokenStream, item: TokenStream) -> TokenStream {
    output(stage::expand(Role::Resource, options.into(), item.into()))
}

/// A pipeline: stages, their order, and the policy.
///
/// ```text
/// pipeline! {
///     /// Cleans the exports and loads them.
///     pub Flights {
///         settings: Config,
///         resources: [registry, warehouse],
///         flow: flights => clean => departed => table,
///         delivery: at_least_once,
///         error_threshold: 1% after 1_000,
///         dead_letter: file(settings.rejects),
///         memory: "256 MiB",
///     }
/// }
/// ```
///
/// Only `flow` must be there; the clauses may stand in any order.
///
/// | clause | what it says |
/// |---|---|
/// | `settings: Config` | the type of what the operator sets, with `#[derive(Settings)]` |
/// | `resources: [a, b]` | what is made once per run, in this order; each sees the settings and those before it |
/// | `flow: a => b => c` | the stages: an extractor, any number of transforms and filters, a loader |
/// | `delivery: at_most_once` | a record may be lost, and none is loaded twice |
/// | `delivery: at_least_once` | no record is lost, and one may be loaded twice: the source can be read again |
/// | `delivery: effectively_once` | as before, and a record that is loaded again takes the place of the first |
/// | `delivery: exactly_once` | no record is lost and none is loaded twice: the target has transactions |
/// | `atomic: batch`, `atomic: run` | what is committed at once; `batch` where nothing is said |
/// | `error_threshold: 1% after 1_000` | how many records may be skipped or rejected: a share, a number, a number `in a row`, or `[1%, 500, 20 in a row]` |
/// | `dead_letter: file(settings.rejects)` | where rejected records go: a setting, or a path in quotes |
/// | `memory: "256 MiB"` | how much the records under way may take |
/// | `crate: ::path` | where the runtime is, if it is not `::etl_core` |
///
/// What `delivery` and `atomic` demand is checked against the types of the source and of the target.
#[proc_macro]
pub fn pipeline(input: TokenStream) -> TokenStream {
    output(pipeline::expand(input.into()))
}

/// The `main` of a binary with one pipeline or several: `etl_core::main!(Flights);`
///
/// It stands beside the functions of the crate's root, in place of `fn main`.
#[proc_macro]
pub fn main(input: TokenStream) -> TokenStream {
    output(entry::expand(input.into()))
}

/// A record: its schema, decoder and encoder, from a struct with named fields.
///
/// `#[record(rename = "x")]`, `#[record(default)]` (the column may be missing) and `#[record(text)]` (a type with
/// `FromStr` and `Display`) on fields; `#[record(rename_all = "camelCase")]` and `#[record(crate = path)]` on the struct.
///
/// A type may derive serde's traits as well. `#[serde(rename = "x")]` and its like mean nothing to `Record`, so they
/// are refused where no `#[record(…)]` says the same to it.
#[proc_macro_derive(Record, attributes(record, serde))]
pub fn record(input: TokenStream) -> TokenStream {
    output(derive::record::expand(input.into()))
}

/// A record that only has serde: no schema, decoder or encoder of its own.
#[proc_macro_derive(SerdeRecord, attributes(record))]
pub fn serde_record(input: TokenStream) -> TokenStream {
    output(derive::serde_record::expand(input.into()))
}

/// What the operator sets: serde's `Deserialize`, and the names for the compiler to check. It derives `Deserialize`
/// itself, so write it in place of that, not beside it.
///
/// ```text
/// #[derive(Debug, Settings)]
/// pub struct Config {
///     input: PathBuf,
///     database: Secret<String>,   // prints as `***`
///     #[serde(default)]
///     rejects: Option<PathBuf>,
/// }
/// ```
///
/// A setting that is named like a stage does not compile, nor does one that is named like a secret
/// and is none. `#[settings(shown)]` on a field says that everybody may read it; `#[serde(…)]` means
/// what it means to serde; `#[settings(crate = path)]` on the struct.
#[proc_macro_derive(Settings, attributes(settings, serde))]
pub fn settings(input: TokenStream) -> TokenStream {
    output(derive::settings::expand(input.into()))
}

/// The error of a stage: every variant has one of the classes `retry`, `skip`, `reject`, `fail`.
///
/// ```text
/// #[derive(Debug, thiserror::Error, StageError)]
/// enum CleanError {
///     #[error("departure time is not a time of day")]
///     #[on_error(reject)]
///     BadTime,
/// }
/// ```
///
/// The message in reports is the text of `#[error("…")]` with `…` in place of its values, which may be a record's.
/// `#[hint("…")]` says what the operator can do.
#[proc_macro_derive(StageError, attributes(on_error, hint, stage_error, error, source, from))]
pub fn stage_error(input: TokenStream) -> TokenStream {
    output(derive::stage_error::expand(input.into()))
}
