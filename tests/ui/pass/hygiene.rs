//! Expanded code needs nothing that is in scope, and is bothered by nothing that is.
#![no_implicit_prelude]
#![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub, clippy::pedantic)]

/// Names that expanded code might have used by mistake.
#[allow(dead_code, missing_docs, missing_debug_implementations, non_camel_case_types, unreachable_pub)]
pub mod shadows {
    pub struct Result;
    pub struct Option;
    pub struct Vec;
    pub struct String;
    pub struct Box;
    pub enum Some {}
    pub enum Ok {}
    pub mod core {}
    pub mod std {}
    pub mod etl_core {}
    pub trait Send {}
    pub trait Default {}
    pub trait Clone {}
    pub struct u32;
}
#[allow(unused_imports)]
use shadows::*;

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

/// An error that is one thing.
#[derive(::std::fmt::Debug, ::etl_core::StageError)]
#[on_error(fail)]
pub struct Closed;

/// An error that never happens.
#[derive(::std::fmt::Debug, ::etl_core::StageError)]
pub enum Never {}

/// Settings.
#[derive(::std::fmt::Debug)]
pub struct Config {
    /// A path.
    pub rejects: ::std::option::Option<::std::path::PathBuf>,
}

impl<'de> ::etl_core::serde::Deserialize<'de> for Config {
    fn deserialize<D: ::etl_core::serde::Deserializer<'de>>(_: D) -> ::std::result::Result<Self, D::Error> {
        ::std::result::Result::Ok(Self { rejects: ::std::option::Option::None })
    }
}

/// A resource.
#[derive(::std::fmt::Debug)]
pub struct Registry;

/// Makes it.
#[::etl_core::resource]
pub async fn registry(_: &Config) -> ::etl_core::Result<Registry> {
    ::std::result::Result::Ok(Registry)
}

/// Reads.
#[::etl_core::extractor(crate = ::etl_core)]
pub fn read(lent: &Config) -> impl ::std::iter::Iterator<Item = Raw> {
    let _ = lent;
    ::std::iter::empty()
}

/// Looks.
#[::etl_core::filter]
pub fn known(record: &Raw, need_0: &Registry) -> bool {
    let _ = (record, need_0);
    true
}

/// Cleans.
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

/// Loads.
#[::etl_core::loader]
pub async fn load(records: &[Raw], lent: &Config) {
    let _ = (records, lent);
    ::std::future::ready(()).await;
}

::etl_core::pipeline! {
    /// Copies.
    pub Copies {
        crate: ::etl_core,
        settings: Config,
        resources: [registry],
        flow: read => known => clean => wait => load,
        dead_letter: file(settings.rejects),
        error_threshold: 0.5%,
    }
}

/// Stages inside of a function are stages as well.
#[allow(dead_code)]
fn inside() {
    #[::etl_core::extractor]
    fn read() -> ::std::vec::Vec<Raw> {
        ::std::vec::Vec::new()
    }

    #[::etl_core::loader]
    fn load(_: &Raw) {}

    ::etl_core::pipeline! {
        Inside { flow: read => load }
    }

    ::std::assert_eq!(<Inside as ::etl_core::Pipeline>::NAME, "Inside");
}

fn main() {
    inside();
    ::std::assert_eq!(<Copies as ::etl_core::Pipeline>::plan().outline().stages.len(), 5);
    let schema = <Raw as ::etl_core::record::Described>::SCHEMA;
    ::std::assert_eq!([schema[0].name, schema[1].name, schema[2].name, schema[3].name], ["plainNumber", "source", "visitor", "type"]);
    ::std::assert!(schema[1].optional && !schema[1].nullable && schema[2].nullable);
    let mut json = ::std::vec::Vec::new();
    ::std::assert!(!::etl_core::record::Record::to_json(&Quiet(7), &mut json));
}
