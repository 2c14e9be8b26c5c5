//! Expanded code needs nothing that is in scope, and is bothered by nothing that is.
#![no_implicit_prelude]
#![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub, clippy::pedantic)]

/// Names that expanded code might have used by mistake.
#[allow(
    dead_code,
    missing_docs,
    missing_debug_implementations,
    non_camel_case_types,
    unreachable_pub,
    clippy::wrong_self_convention,
    reason = "only the names matter"
)]
pub mod shadows {
    // crates, and what stands for them
    pub mod core {}
    pub mod std {}
    pub mod alloc {}
    pub mod etl_core {}
    pub mod serde {}
    // the prelude
    pub struct Result;
    pub struct Option;
    pub struct Vec;
    pub struct String;
    pub struct Box;
    pub struct PhantomData;
    pub struct Duration;
    pub struct PathBuf;
    pub enum Some {}
    pub enum None {}
    pub enum Ok {}
    pub enum Err {}
    pub trait Send {}
    pub trait Sync {}
    pub trait Sized {}
    pub trait Default {}
    pub trait Clone {}
    pub trait Debug {}
    pub trait From {}
    pub trait Into {}
    pub trait Iterator {}
    pub trait Future {}
    pub trait FnOnce {}
    pub struct u32;
    // the runtime
    pub trait Extractor {}
    pub trait Transform {}
    pub trait Loader {}
    pub trait Pipeline {}
    pub trait Resource {}
    pub trait Context {}
    pub trait Provides {}
    pub trait Record {}
    pub trait StageError {}
    pub trait Field {}
    pub struct Error;
    pub struct Class;
    pub struct Batch;
    pub struct Policy;
    pub struct Plan;

    /// Methods that everything has, called like those that expanded code might have called with a dot.
    pub trait Methods {
        fn clone(&self) {}
        fn into(&self) {}
        fn as_ref(&self) {}
        fn get(&self) {}
        fn path(&self) {}
        fn into_iter(&self) {}
        fn map(&self) {}
        fn class(&self) {}
        fn code(&self) {}
        fn message(&self) {}
        fn source(&self) {}
        fn read(&self) {}
        fn write(&self) {}
        fn check(&self) {}
        fn to_string(&self) {}
        fn poll(&self) {}
    }
    impl<T: ?::core::marker::Sized> Methods for T {}
}
#[allow(unused_imports, reason = "nothing uses them, and that is the point")]
use shadows::*;

/// Macros that expanded code might have called by mistake.
#[allow(unused_macros, reason = "only the names matter")]
mod macros {
    macro_rules! assert {
        () => {};
    }
    macro_rules! matches {
        () => {};
    }
    macro_rules! panic {
        () => {};
    }
    macro_rules! unreachable {
        () => {};
    }
    macro_rules! compile_error {
        () => {};
    }
    macro_rules! format {
        () => {};
    }
    macro_rules! vec {
        () => {};
    }
    #[allow(unused_imports, reason = "nothing calls them, and that is the point")]
    pub(crate) use {assert, compile_error, format, matches, panic, unreachable, vec};
}
#[allow(unused_imports, reason = "nothing calls them, and that is the point")]
use macros::*;

/// The runtime under another path, for `crate = …`.
pub mod reexport {
    pub use ::etl_core;
}

/// A record.
#[derive(::std::fmt::Debug, ::std::clone::Clone, ::etl_core::Record)]
#[record(rename_all = "camelCase")]
pub struct Raw {
    /// A number.
    pub plain_number: i64,
    /// A number that may be missing.
    #[record(default)]
    pub source: i64,
    /// A date, say.
    #[record(text)]
    pub visitor: ::std::option::Option<::std::net::IpAddr>,
    /// A keyword.
    pub r#type: ::std::string::String,
    /// A word of expanded code.
    pub value: i64,
    /// Another.
    pub problem: ::std::option::Option<i64>,
}

/// A record of serde that cannot show itself.
#[derive(::std::fmt::Debug, ::etl_core::SerdeRecord)]
pub struct Quiet(pub ::std::primitive::u32);

/// An error.
#[derive(::std::fmt::Debug, ::etl_core::StageError)]
pub enum CleanError {
    /// Try again.
    #[on_error(retry)]
    Away,
    /// Keep it.
    #[on_error(reject)]
    #[hint("look")]
    Broken {
        /// Why.
        #[source]
        cause: ::std::option::Option<::std::io::Error>,
    },
}

/// An error whose variants and fields are called like what a `match` might use.
#[derive(::std::fmt::Debug, ::etl_core::StageError)]
pub enum Confusing {
    /// Not the one of the prelude.
    #[on_error(skip)]
    Ok,
    /// Nor is this.
    #[on_error(skip)]
    Err {
        /// A formatter, it seems.
        f: i64,
        /// A message, it seems.
        message: i64,
    },
    /// Nor is this.
    #[on_error(fail)]
    Some(i64),
    /// Nor is this.
    #[on_error(fail)]
    None,
    /// A name of the runtime.
    #[on_error(retry)]
    Class(#[source] ::std::io::Error),
}

/// An error that is one thing.
#[derive(::std::fmt::Debug, ::etl_core::StageError)]
#[on_error(fail)]
pub struct Closed;

/// An error that never happens.
#[derive(::std::fmt::Debug, ::etl_core::StageError)]
pub enum Never {}

/// Settings.
#[derive(::std::fmt::Debug, ::etl_core::Settings)]
pub struct Config {
    /// A path.
    pub rejects: ::std::option::Option<::std::path::PathBuf>,
}

/// A resource.
#[derive(::std::fmt::Debug)]
pub struct Registry;

/// Makes it.
///
/// # Errors
///
/// Never.
#[::etl_core::resource]
pub async fn registry(_: &Config) -> ::std::result::Result<Registry, CleanError> {
    ::std::future::ready(::std::result::Result::Ok(Registry)).await
}

/// Reads.
#[::etl_core::extractor]
pub fn read(lent: &Config) -> impl ::std::iter::Iterator<Item = Raw> {
    let _ = lent;
    ::std::iter::empty()
}

/// Looks.
#[::etl_core::filter]
#[must_use]
pub fn known(record: &Raw, need_0: &Registry) -> bool {
    let _ = (record, need_0);
    true
}

/// Cleans.
///
/// # Errors
///
/// Never.
#[::etl_core::transform(retries = 3, backoff = "1s")]
pub fn clean(record: Raw, state: &mut i64, lent: &Registry) -> ::std::result::Result<::std::option::Option<Raw>, CleanError> {
    *state += 1;
    let _ = lent;
    ::std::result::Result::Ok(::std::option::Option::Some(record))
}

/// Awaits.
#[::etl_core::transform(timeout = "1s")]
pub async fn wait(record: Raw, lent: &Registry) -> Raw {
    let _ = lent;
    ::std::future::ready(()).await;
    record
}

/// Takes many.
#[::etl_core::transform(batch = 10, retries = 1)]
#[must_use]
pub fn many(records: &[Raw]) -> ::etl_core::stage::Batch<Raw, CleanError> {
    let kept = ::std::iter::Iterator::map(records.iter(), |record| ::std::result::Result::Ok(::std::clone::Clone::clone(record)));
    ::std::iter::Iterator::collect(kept)
}

/// Loads.
#[::etl_core::loader]
pub async fn load(records: &[Raw], lent: &Config) {
    let _ = (records, lent);
    ::std::future::ready(()).await;
}

::etl_core::pipeline! {
    /// Copies.
    pub Copies {
        settings: Config,
        resources: [registry],
        flow: read => known => clean => wait => many => load,
        dead_letter: file(settings.rejects),
        error_threshold: 0.5%,
    }
}

/// Everything through a re-export.
pub mod elsewhere {
    #[allow(unused_imports, reason = "nothing uses them, and that is the point")]
    use super::shadows::*;
    use crate::reexport::etl_core as runtime;

    /// A record.
    #[derive(::std::fmt::Debug, ::std::clone::Clone, runtime::Record)]
    #[record(crate = crate::reexport::etl_core)]
    pub struct Row {
        /// A number.
        pub number: i64,
        /// Something as text.
        #[record(text)]
        pub visitor: ::std::option::Option<::std::net::IpAddr>,
    }

    /// A record of serde.
    #[derive(::std::fmt::Debug, runtime::SerdeRecord)]
    #[record(crate = crate::reexport::etl_core)]
    pub struct Note(pub i64);

    /// An error.
    #[derive(::std::fmt::Debug, runtime::StageError)]
    #[stage_error(crate = crate::reexport::etl_core)]
    pub enum RowError {
        /// Try again.
        #[on_error(retry)]
        Away(#[source] ::std::io::Error),
        /// Keep it.
        #[on_error(reject)]
        Broken,
    }

    /// A resource.
    #[derive(::std::fmt::Debug)]
    pub struct Pool;

    /// Makes it.
    #[runtime::resource(crate = crate::reexport::etl_core)]
    #[must_use]
    pub fn pool() -> Pool {
        Pool
    }

    /// Reads.
    #[runtime::extractor(crate = crate::reexport::etl_core, batch = 5, replayable)]
    #[must_use]
    pub fn read() -> ::std::vec::Vec<Row> {
        ::std::vec::Vec::new()
    }

    /// Changes.
    ///
    /// # Errors
    ///
    /// Never.
    #[runtime::transform(crate = crate::reexport::etl_core, retries = 2)]
    pub fn change(row: &Row, _: &Pool) -> ::std::result::Result<Note, RowError> {
        ::std::result::Result::Ok(Note(row.number))
    }

    /// Looks.
    #[runtime::filter(crate = crate::reexport::etl_core)]
    #[must_use]
    pub fn look(note: &Note) -> bool {
        note.0 > 0
    }

    /// Loads.
    #[runtime::loader(crate = crate::reexport::etl_core)]
    pub fn load(_: &[Note]) {}

    /// A module in a module, with stages of another.
    pub mod nested {
        use super::runtime;

        runtime::pipeline! {
            /// Moves.
            pub Moves {
                crate: crate::reexport::etl_core,
                resources: [super::pool],
                flow: super::read => super::change => super::look => super::load,
                delivery: at_least_once,
                dead_letter: file("rejects.jsonl"),
            }
        }
    }
}

/// What is called like something of the prelude or of the runtime is still only what it is.
pub mod namesakes {
    /// A record.
    #[derive(::std::fmt::Debug, ::etl_core::Record)]
    pub struct Record {
        /// A number.
        pub record: i64,
    }

    /// An error.
    #[derive(::std::fmt::Debug, ::etl_core::StageError)]
    pub enum StageError {
        /// Leave it out.
        #[on_error(skip)]
        Skip,
    }

    /// A resource.
    #[derive(::std::fmt::Debug)]
    pub struct Context;

    /// Makes it.
    #[::etl_core::resource]
    #[must_use]
    pub fn context() -> Context {
        Context
    }

    /// Reads.
    #[::etl_core::extractor]
    #[must_use]
    pub fn core() -> ::std::vec::Vec<Record> {
        ::std::vec::Vec::new()
    }

    /// Changes.
    ///
    /// # Errors
    ///
    /// Never.
    #[::etl_core::transform]
    pub fn flow(settings: Record, value: &Context) -> ::std::result::Result<Record, StageError> {
        let _ = value;
        ::std::result::Result::Ok(settings)
    }

    /// Looks.
    #[::etl_core::filter]
    #[must_use]
    pub fn r#match(f: &Record) -> bool {
        f.record > 0
    }

    /// Loads.
    #[::etl_core::loader]
    pub fn drop(context: &Record) {
        let _ = context;
    }

    ::etl_core::pipeline! {
        /// Not the trait.
        pub Pipeline {
            resources: [context],
            flow: core => flow => r#match => drop,
        }
    }
}

/// Stages, records, errors and pipelines inside of a function are the same as outside.
fn inside() {
    #[derive(::std::fmt::Debug, ::etl_core::Record)]
    struct Inner {
        number: i64,
    }

    #[derive(::std::fmt::Debug, ::etl_core::StageError)]
    enum InnerError {
        #[on_error(skip)]
        Negative,
    }

    struct Limit(i64);

    #[::etl_core::resource]
    fn limit() -> Limit {
        Limit(3)
    }

    #[::etl_core::extractor]
    fn read() -> ::std::vec::Vec<Inner> {
        ::std::vec::Vec::new()
    }

    #[::etl_core::filter]
    fn small(inner: &Inner, limit: &Limit) -> ::std::result::Result<bool, InnerError> {
        if inner.number < 0 { ::std::result::Result::Err(InnerError::Negative) } else { ::std::result::Result::Ok(inner.number < limit.0) }
    }

    #[::etl_core::loader]
    fn load(_: &Inner) {}

    ::etl_core::pipeline! {
        Inside { flow: read => small => load, resources: [limit] }
    }

    ::etl_core::pipeline! {
        Again { flow: read => load }
    }

    ::std::assert_eq!(<Inside as ::etl_core::Pipeline>::NAME, "Inside");
    ::std::assert_eq!(<Again as ::etl_core::Pipeline>::plan().outline().stages.len(), 2);
}

#[::std::prelude::v1::test]
fn what_compiles_here_is_also_what_it_says() {
    inside();
    ::std::assert_eq!(<Copies as ::etl_core::Pipeline>::plan().outline().stages.len(), 6);
    ::std::assert_eq!(<elsewhere::nested::Moves as ::etl_core::Pipeline>::plan().outline().resources, ["pool"]);
    ::std::assert_eq!(<namesakes::Pipeline as ::etl_core::Pipeline>::plan().outline().stages.len(), 4);
    let schema = <Raw as ::etl_core::record::Described>::SCHEMA;
    ::std::assert_eq!([schema[0].name, schema[1].name, schema[2].name, schema[3].name], ["plainNumber", "source", "visitor", "type"]);
    ::std::assert!(schema[1].optional && !schema[1].nullable && schema[2].nullable);
    let mut json = ::std::vec::Vec::new();
    ::std::assert!(!::etl_core::record::Record::to_json(&Quiet(7), &mut json));
}
