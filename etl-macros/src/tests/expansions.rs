//! What each form expands to. `cargo xtask bless` writes these anew.

use proc_macro2::TokenStream;

use super::{pretty, tokens};
use crate::diag::Errors;
use crate::role::Role;

fn sound((expanded, errors): (TokenStream, Errors)) -> String {
    assert_eq!(super::listed(errors), [""; 0]);
    pretty(expanded)
}

/// A snapshot without the source of the test in it.
macro_rules! snapshot {
    ($($argument:tt)*) => { insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!($($argument)*) }) };
}

macro_rules! stages {
    ($($name:ident: $role:ident($options:literal) $item:literal;)*) => { $(
        #[test]
        fn $name() {
            snapshot!(sound(crate::stage::expand(Role::$role, tokens($options), tokens($item))));
        }
    )* };
}

stages! {
    extractor_of_a_source: Extractor(r#"batch = 10, malformed = reject"#) "/// Reads.\n pub fn read(config: &Config) -> Result<Rows<Raw>> { open(config) }";
    extractor_of_a_stream: Extractor(r#"timeout = "1s""#) "async fn read(config: &Config) -> Result<impl Stream<Item = Raw>, E> { open(config) }";
    transform_of_one_record: Transform("parallel, batch = 500, validate(output)") "fn clean(raw: Raw, seen: &Registry) -> Result<Clean, E> { Ok(raw.into()) }";
    transform_that_is_retried: Transform(r#"retries = 3, backoff = "200ms""#) "fn clean(raw: Raw) -> Result<impl Iterator<Item = Clean>, E> { once(raw) }";
    transform_that_awaits: Transform(r#"concurrency = 8, timeout = "2s""#) "async fn clean(raw: &Raw, pool: &Pool) -> Option<Clean> { pool.find(raw).await }";
    transform_with_state: Transform("") "async fn clean(raw: Raw, seen: &mut Seen) -> Clean { seen.add(raw) }";
    transform_of_a_batch: Transform("batch = BATCH") "fn clean(raw: Vec<Raw>) -> Batch<Clean, E> { raw.into_iter().map(one).collect() }";
    filter_of_one_record: Filter("") "fn known(raw: &Raw) -> bool { true }";
    filter_that_awaits: Filter("retries = 2") "async fn known(raw: &Raw, pool: &Pool) -> Result<bool, E> { pool.knows(raw).await }";
    loader_in_a_transaction: Loader("batch = 5_000, retries = 3") "async fn load(rows: &[Clean], tx: &mut pg::Transaction<'_>, config: &Config) -> Result<()> { tx.copy(rows).await }";
    loader_on_its_own: Loader("crate = crate::runtime") "fn print(row: &Clean) { println!(\"{row:?}\") }";
    resource_of_the_settings: Resource("") "async fn pool(config: &Config) -> Result<pg::Pool> { pg::connect(config).await }";
}

#[test]
fn a_broken_signature_is_a_poison() {
    let (expanded, errors) = crate::stage::expand(Role::Loader, tokens(""), tokens("fn load(rows: Vec<Clean>) {}"));
    assert_eq!(super::listed(errors), [""; 0], "the error is in the poison");
    snapshot!(pretty(expanded));
}

#[test]
fn a_pipeline_is_its_wiring() {
    let input = r#"
        /// Copies.
        pub Copies {
            settings: Config,
            resources: [pool, db::registry],
            flow: read => stages::clean => load,
            error_threshold: [1%, 500, 20 in a row] after 1_000,
            delivery: at_least_once,
            memory: "1 GiB",
            dead_letter: file(settings.rejects),
        }"#;
    snapshot!(sound(crate::pipeline::expand(tokens(input))));
}

#[test]
fn a_pipeline_without_dead_letters_checks_that_it_needs_none() {
    snapshot!(sound(crate::pipeline::expand(tokens("Copies { flow: read => load }"))));
}

#[test]
fn a_binary_is_its_entry() {
    snapshot!(sound(crate::entry::expand(tokens("Copies"))));
    snapshot!("a_binary_of_several", sound(crate::entry::expand(tokens("Copies, jobs::Moves"))));
}

#[test]
fn a_record_is_its_codec() {
    let input = r#"
        #[record(rename_all = "camelCase")]
        pub struct Flight {
            pub dep_time: Option<u16>,
            #[record(default)] pub seats: u32,
            #[record(text, rename = "Day")] pub date: Option<Sensitive<Date>>,
        }"#;
    snapshot!(sound(crate::derive::record::expand(tokens(input))));
    snapshot!("a_record_of_serde", sound(crate::derive::serde_record::expand(tokens("enum Event { A(u8) }"))));
}

#[test]
fn an_error_is_its_classes() {
    let input = r#"
        enum CleanError {
            #[error("carrier {0} is unknown")] #[on_error(reject)] #[hint("look it up")] Unknown(String),
            #[on_error(retry)] BadTime { #[source] cause: Option<io::Error> },
            #[error(transparent)] #[on_error(fail)] Io(#[from] io::Error),
        }"#;
    snapshot!(sound(crate::derive::stage_error::expand(tokens(input))));
}

#[test]
fn an_expansion_is_the_same_every_time() {
    let expand = || {
        let (expanded, errors) = crate::pipeline::expand(tokens("P { settings: S, resources: [a, b, c], flow: x => y => z }"));
        drop(super::listed(errors));
        expanded.to_string()
    };
    assert_eq!(expand(), expand());
}
