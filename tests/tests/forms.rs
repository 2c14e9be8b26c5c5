//! Every form of a stage that the design names, compiled; and every stage function called as the
//! plain function that it stays.
#![deny(warnings, missing_docs, clippy::pedantic)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::missing_errors_doc,
    clippy::needless_pass_by_value,
    clippy::trivially_copy_pass_by_ref,
    clippy::unnecessary_wraps,
    clippy::wildcard_imports,
    reason = "the forms matter here, not what the functions do; none of these is about generated code"
)]

use std::collections::HashMap;
use std::time::Duration;

use etl_core::needs::Provides;
use etl_core::policy::{Delivery, Policy, Threshold};
use etl_core::prelude::*;
use etl_core::stage::{Extractor, Loader, Role, Rules, Takes, Transform, Violations};
use etl_core::{Class, Classes, Pipeline};
use futures::{Stream, StreamExt};

/// The settings.
#[derive(Debug, Settings)]
pub struct Config {
    /// How many records.
    pub count: u32,
    /// Where rejected records go.
    pub rejects: PathBuf,
}

/// What comes in.
#[derive(Record, Debug, Clone, PartialEq)]
pub struct Raw {
    /// A number.
    pub number: i64,
    /// A name.
    pub name: CompactString,
}

/// What goes on.
#[derive(Record, Debug, Clone, PartialEq)]
pub struct Clean {
    /// A number.
    pub number: u32,
    /// A name.
    pub name: Sensitive<CompactString>,
}

/// A record of serde.
#[derive(SerdeRecord, serde::Serialize, Debug, Clone, PartialEq)]
pub struct Note(pub String);

impl Rules for Note {
    type Context = Config;

    fn check(&self, config: &Config) -> std::result::Result<(), Violations> {
        if self.0.len() > config.count as usize { Err(Violations::one("0", "too long")) } else { Ok(()) }
    }
}

/// An error with every class.
#[derive(Debug, thiserror::Error, StageError)]
pub enum CleanError {
    /// Try again.
    #[error("the registry is away")]
    #[on_error(retry)]
    Away,
    /// Leave it out.
    #[error("number {0} is boring")]
    #[on_error(skip)]
    Boring(i64),
    /// Keep it.
    #[error("number {number} is negative, not {{positive}}")]
    #[on_error(reject)]
    #[hint("ask for positive numbers")]
    Negative {
        /// The number.
        number: i64,
    },
    /// Stop.
    #[error(transparent)]
    #[on_error(fail)]
    BrokenName(#[from] std::str::Utf8Error),
}

/// Shared names.
#[derive(Debug)]
pub struct Registry(HashMap<String, u32>);

/// A second resource, made of the first.
#[derive(Debug)]
pub struct Index(usize);

/// Made of the settings.
#[resource]
async fn registry(config: &Config) -> Result<Registry> {
    tokio::task::yield_now().await;
    Ok(Registry((0..config.count).map(|n| (n.to_string(), n)).collect()))
}

/// Made of the settings and what is there already.
#[resource]
fn index(config: &Config, registry: &Registry) -> Index {
    Index(registry.0.len() + config.count as usize)
}

mod extractors {
    use etl_core::guarantee::Replayable;
    use etl_core::source::{BoxChunk, Source, SourceInfo, Wanted};
    use futures::future::BoxFuture;

    use super::*;

    #[extractor]
    pub(super) fn from_vec(config: &Config) -> Vec<Raw> {
        (0..config.count).map(|n| Raw { number: n.into(), name: "n".into() }).collect()
    }

    #[extractor(batch = 10)]
    pub(super) fn from_nothing() -> Vec<Raw> {
        vec![]
    }

    #[extractor]
    pub(super) fn from_result(config: &Config) -> Result<Vec<Raw>> {
        Ok(from_vec(config))
    }

    #[extractor]
    pub(super) fn from_iterator(config: &Config) -> impl Iterator<Item = Raw> {
        (0..config.count).map(|n| Raw { number: n.into(), name: config.rejects.to_string_lossy().into() })
    }

    #[extractor(replayable, retries = 3, backoff = "10ms")]
    pub(super) fn from_iterator_in_result(config: &Config, index: &Index) -> Result<impl Iterator<Item = Raw>, CleanError> {
        if index.0 == 0 {
            return Err(CleanError::Away);
        }
        Ok(from_iterator(config))
    }

    #[extractor]
    pub(super) fn from_fallible_iterator() -> impl Iterator<Item = Result<Raw, CleanError>> {
        std::iter::once(Err(CleanError::Away))
    }

    pub(super) struct Nothing;

    impl Source for Nothing {
        type Record = Raw;
        type Class = Replayable;

        fn info(&self) -> SourceInfo {
            SourceInfo::named("nothing")
        }

        fn read(&mut self, _: Wanted) -> BoxFuture<'_, Result<Option<BoxChunk<Raw>>>> {
            Box::pin(async { Ok(None) })
        }
    }

    #[extractor(malformed = skip)]
    pub(super) fn from_source() -> Nothing {
        Nothing
    }

    #[extractor(timeout = "5s")]
    pub(super) async fn from_stream(config: &Config) -> Result<impl Stream<Item = Result<Raw>>> {
        tokio::task::yield_now().await;
        let count = config.count;
        Ok(futures::stream::iter((0..count).map(|n| Ok(Raw { number: n.into(), name: "s".into() }))))
    }

    #[extractor]
    pub(super) fn from_plain_stream() -> impl Stream<Item = Raw> + Send {
        futures::stream::empty()
    }

    #[extractor]
    pub(super) async fn from_async_vec() -> std::io::Result<Vec<Raw>> {
        tokio::task::yield_now().await;
        Ok(Vec::new())
    }
}

mod transforms {
    use super::*;

    type Fallible<T> = std::result::Result<T, CleanError>;

    fn cleaned(raw: &Raw) -> Clean {
        Clean { number: raw.number.unsigned_abs() as u32, name: Sensitive::new(raw.name.clone()) }
    }

    #[transform]
    pub(super) fn owned(raw: Raw) -> Clean {
        cleaned(&raw)
    }

    #[transform(parallel, batch = 500, unordered)]
    pub(super) fn lent(raw: &Raw) -> Clean {
        cleaned(raw)
    }

    #[transform]
    pub(super) fn optional(raw: Raw) -> Option<Clean> {
        (raw.number > 1).then(|| cleaned(&raw))
    }

    #[transform]
    pub(super) fn many(raw: Raw) -> Vec<Clean> {
        vec![cleaned(&raw); 2]
    }

    #[transform]
    pub(super) fn any_number(raw: Raw) -> impl Iterator<Item = Clean> {
        std::iter::repeat_n(cleaned(&raw), 3)
    }

    #[transform]
    pub(super) fn any_number_lent(raw: &Raw, config: &Config) -> impl Iterator<Item = Clean> {
        (0..config.count).map(|_| cleaned(raw))
    }

    #[transform(retries = 2, backoff = "1ms")]
    pub(super) fn any_number_or_not(raw: Raw) -> Result<impl Iterator<Item = Clean>, CleanError> {
        Ok(any_number(raw))
    }

    #[transform(retries = 1)]
    pub(super) fn fallible(raw: Raw) -> Result<Clean, CleanError> {
        if raw.number < 0 { Err(CleanError::Negative { number: raw.number }) } else { Ok(cleaned(&raw)) }
    }

    #[transform]
    pub(super) fn aliased(raw: Raw) -> Fallible<Option<Clean>> {
        Ok(optional(raw))
    }

    #[transform]
    pub(super) fn fallible_many(raw: &Raw) -> Result<Vec<Clean>> {
        Ok(many(raw.clone()))
    }

    #[transform]
    pub(super) fn with_resources(raw: Raw, config: &Config, registry: &Registry, _again: &Config) -> Option<Clean> {
        registry.0.contains_key(raw.name.as_str()).then(|| Clean { number: config.count, ..cleaned(&raw) })
    }

    #[transform]
    pub(super) fn with_state(raw: Raw, seen: &mut u64, registry: &Registry) -> Clean {
        *seen += registry.0.len() as u64;
        cleaned(&raw)
    }

    #[transform]
    pub(super) fn destructured(Raw { number, name }: Raw) -> Note {
        Note(format!("{number} {name}"))
    }

    #[transform(validate(input, output), invalid = skip)]
    pub(super) fn validated(note: Note) -> Note {
        note
    }

    #[transform(concurrency = 8, timeout = "1s", retries = 2)]
    pub(super) async fn asynchronous(raw: Raw) -> Result<Clean, CleanError> {
        tokio::task::yield_now().await;
        fallible(raw)
    }

    #[transform(concurrency = 8, unordered)]
    pub(super) async fn asynchronous_lent(raw: &Raw, registry: &Registry) -> Option<Clean> {
        tokio::task::yield_now().await;
        (!registry.0.is_empty()).then(|| cleaned(raw))
    }

    #[transform]
    pub(super) async fn asynchronous_stateful(raw: Raw, seen: &mut u64) -> Clean {
        tokio::task::yield_now().await;
        *seen += 1;
        cleaned(&raw)
    }

    #[transform(retries = 1)]
    pub(super) async fn asynchronous_stateful_lent(raw: &Raw, seen: &mut u64, config: &Config) -> Result<Clean> {
        tokio::task::yield_now().await;
        *seen += u64::from(config.count);
        Ok(cleaned(raw))
    }

    #[transform]
    pub(super) async fn asynchronous_any_number(raw: Raw) -> impl Iterator<Item = Clean> {
        tokio::task::yield_now().await;
        any_number(raw)
    }

    #[transform]
    pub(super) async fn asynchronous_any_number_or_not(raw: Raw) -> Result<impl Iterator<Item = Clean>> {
        tokio::task::yield_now().await;
        Ok(any_number(raw))
    }

    #[transform(batch = 100)]
    pub(super) fn batch(raw: Vec<Raw>) -> Batch<Clean> {
        raw.iter().map(cleaned).collect()
    }

    #[transform(batch = 100, retries = 2)]
    pub(super) fn batch_fallible(raw: Vec<Raw>, seen: &mut u64) -> Result<Batch<Clean, CleanError>, CleanError> {
        *seen += raw.len() as u64;
        Ok(raw.into_iter().map(fallible).collect())
    }

    #[transform]
    pub(super) fn batch_lent(raw: &[Raw]) -> Batch<Clean, CleanError> {
        raw.iter().cloned().map(fallible).collect()
    }

    #[transform(timeout = "1s", retries = 1)]
    pub(super) async fn batch_asynchronous(raw: &[Raw], registry: &Registry) -> Result<Batch<Clean>> {
        tokio::task::yield_now().await;
        assert!(!registry.0.is_empty());
        Ok(raw.iter().map(cleaned).collect())
    }

    #[transform]
    pub(super) async fn batch_asynchronous_owned(raw: Vec<Raw>, seen: &mut u64) -> Batch<Clean> {
        tokio::task::yield_now().await;
        *seen += 1;
        batch(raw)
    }
}

mod filters {
    use super::*;

    #[filter]
    pub(super) fn plain(clean: &Clean) -> bool {
        clean.number > 1
    }

    #[filter]
    pub(super) fn fallible(clean: &Clean, config: &Config) -> Result<bool, CleanError> {
        if config.count == 0 { Err(CleanError::Boring(0)) } else { Ok(plain(clean)) }
    }

    #[filter(retries = 3, timeout = "1s")]
    pub(super) async fn asynchronous(clean: &Clean, registry: &Registry) -> Result<bool, CleanError> {
        tokio::task::yield_now().await;
        Ok(registry.0.len() > clean.number as usize)
    }
}

mod loaders {
    use super::*;
    use crate::target::{Table, Writing};

    #[loader]
    pub(super) fn nothing_returned(_: &[Clean]) {}

    #[loader]
    pub(super) fn one_by_one(clean: &Clean) -> Result<(), CleanError> {
        if clean.number == 0 { Err(CleanError::Boring(0)) } else { Ok(()) }
    }

    #[loader(batch = 5, retries = 2, timeout = "1s")]
    pub(super) async fn plain_target(clean: &[Clean], config: &Config) -> Result<()> {
        tokio::task::yield_now().await;
        assert!(clean.len() <= config.count as usize);
        Ok(())
    }

    #[loader]
    pub(super) async fn one_outcome_each(clean: &[Clean]) -> Batch<(), CleanError> {
        tokio::task::yield_now().await;
        clean.iter().map(|_| ()).fold(Batch::default(), |mut batch, ()| {
            batch.push(());
            batch
        })
    }

    #[loader(retries = 3, backoff = "1ms")]
    pub(super) async fn in_transaction(clean: &[Clean], tx: &mut Writing<'_>, config: &Config) -> Result<(), CleanError> {
        tokio::task::yield_now().await;
        *tx.0 += clean.len().min(config.count as usize);
        Ok(())
    }

    #[loader]
    pub(super) fn plain_in_transaction(clean: &Clean, tx: &mut Writing<'_>) {
        *tx.0 += clean.number as usize;
    }

    #[loader]
    pub(super) fn beside_its_target(clean: &[Clean], tx: &mut Writing<'_>, _table: &Table) {
        *tx.0 += clean.len();
    }
}

/// A target that counts.
mod target {
    use std::borrow::Cow;

    use etl_core::Result;
    use etl_core::target::{Abandoned, Preparation, Target, Transaction};

    #[derive(Debug)]
    pub(crate) struct Table;
    #[derive(Debug)]
    pub(crate) struct Writing<'c>(pub(crate) &'c mut usize);

    impl Target for Table {
        type Connection = usize;
        type Transaction<'c> = Writing<'c>;
        type Class = etl_core::guarantee::Transactional;

        fn name(&self) -> Cow<'_, str> {
            "table".into()
        }

        async fn prepare(&self, _: Preparation) -> Result<()> {
            Ok(())
        }

        async fn connect(&self) -> Result<usize> {
            Ok(0)
        }

        async fn begin(connection: &mut usize) -> Result<Writing<'_>> {
            Ok(Writing(connection))
        }

        async fn publish(&self, _: usize) -> Result<()> {
            Ok(())
        }

        async fn abandon(&self, _: usize) -> Abandoned {
            Abandoned::Kept
        }
    }

    impl Transaction for Writing<'_> {
        type Target = Table;

        async fn commit(self) -> Result<()> {
            Ok(())
        }

        async fn rollback(self) -> Result<()> {
            Ok(())
        }
    }

    #[etl_core::resource]
    pub(crate) fn table() -> Table {
        Table
    }
}

mod pipelines {
    use super::*;

    pipeline! {
        /// The smallest pipeline.
        pub Smallest {
            flow: extractors::from_nothing => transforms::owned => loaders::nothing_returned,
        }
    }

    pipeline! {
        /// Everything at once.
        pub Everything {
            settings: Config,
            resources: [registry, index, target::table],
            flow: extractors::from_iterator_in_result => transforms::fallible => filters::asynchronous => loaders::in_transaction,
            delivery: at_least_once,
            error_threshold: [1%, 500, 20 in a row] after 1_000,
            dead_letter: file(settings.rejects),
            memory: "256 MiB",
        }
    }

    pipeline! {
        pub(super) OnlyExtractorAndLoader {
            dead_letter: file("rejects.jsonl"),
            flow: same_type => one_by_one_raw
        }
    }

    pipeline! {
        /// Rules read the settings; what breaks them is skipped, so there are no dead letters.
        pub Validated {
            settings: Config,
            flow: notes => transforms::validated => note_by_note,
            error_threshold: 0.5%,
        }
    }

    #[extractor]
    fn notes() -> Vec<Note> {
        vec![]
    }

    #[loader(validate(input), invalid = fail)]
    fn note_by_note(_: &Note) {}

    #[extractor]
    fn same_type() -> Vec<Raw> {
        vec![]
    }

    #[loader]
    fn one_by_one_raw(_: &Raw) -> Result<(), CleanError> {
        Ok(())
    }
}

fn config() -> Config {
    Config { count: 3, rejects: PathBuf::from("r") }
}

fn raw(number: i64) -> Raw {
    Raw { number, name: "x".into() }
}

fn clean(number: u32) -> Clean {
    Clean { number, name: Sensitive::new("x".into()) }
}

#[tokio::test]
async fn an_extractor_is_called_like_the_function_that_it_is() {
    use extractors::*;
    let config = config();
    let index = index(&config, &registry(&config).await.unwrap());
    assert_eq!(from_vec(&config).len() + from_nothing().len() + from_result(&config).unwrap().len(), 6);
    assert_eq!(from_iterator(&config).count() + from_iterator_in_result(&config, &index).unwrap().count(), 6);
    assert_eq!(from_fallible_iterator().count(), 1);
    assert_eq!(from_stream(&config).await.unwrap().count().await, 3);
    assert_eq!(from_plain_stream().count().await + from_async_vec().await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_transform_is_called_like_the_function_that_it_is() {
    use transforms::*;
    let (config, mut seen) = (config(), 0);
    let registry = registry(&config).await.unwrap();
    assert_eq!(owned(raw(7)), lent(&raw(7)));
    assert_eq!(optional(raw(0)), None);
    assert_eq!(many(raw(1)).len() + any_number(raw(1)).count() + any_number_lent(&raw(1), &config).count(), 8);
    assert_eq!(any_number_or_not(raw(1)).unwrap().count(), 3);
    assert!(matches!(fallible(raw(-1)), Err(CleanError::Negative { number: -1 })));
    assert_eq!(aliased(raw(2)).unwrap(), Some(clean(2)));
    assert_eq!(fallible_many(&raw(2)).unwrap().len(), 2);
    assert_eq!(with_resources(raw(2), &config, &registry, &config), None);
    assert_eq!(with_state(raw(2), &mut seen, &registry), clean(2));
    assert_eq!(validated(destructured(raw(2))), Note("2 x".into()));
    assert_eq!(asynchronous(raw(2)).await.unwrap(), clean(2));
    assert_eq!(asynchronous_lent(&raw(2), &registry).await, Some(clean(2)));
    assert_eq!(asynchronous_stateful(raw(2), &mut seen).await, clean(2));
    assert_eq!(asynchronous_stateful_lent(&raw(2), &mut seen, &config).await.unwrap(), clean(2));
    assert_eq!(asynchronous_any_number(raw(2)).await.count(), 3);
    assert_eq!(asynchronous_any_number_or_not(raw(2)).await.unwrap().count(), 3);
    assert_eq!(seen, 3 + 1 + 3);
}

#[tokio::test]
async fn a_batch_transform_is_called_like_the_function_that_it_is() {
    use transforms::*;
    let (registry, mut seen) = (registry(&config()).await.unwrap(), 0);
    assert_eq!(batch(vec![raw(1), raw(2)]).records(), [clean(1), clean(2)]);
    let halves = batch_fallible(vec![raw(1), raw(-1)], &mut seen).unwrap();
    assert_eq!((halves.outcomes(), halves.records().len(), halves.errors().len(), seen), (2, 1, 1, 2));
    assert_eq!(batch_lent(&[raw(-1)]).errors().len(), 1);
    assert_eq!(batch_asynchronous(&[raw(1)], &registry).await.unwrap().outcomes(), 1);
    assert_eq!(batch_asynchronous_owned(vec![raw(1)], &mut seen).await.outcomes(), 1);
}

#[tokio::test]
async fn a_filter_is_called_like_the_function_that_it_is() {
    let config = config();
    assert!(!filters::plain(&clean(1)));
    assert!(filters::fallible(&clean(2), &config).unwrap());
    assert!(filters::asynchronous(&clean(1), &registry(&config).await.unwrap()).await.unwrap());
}

#[tokio::test]
async fn a_loader_is_called_like_the_function_that_it_is() {
    use loaders::*;
    let (config, mut written) = (config(), 0);
    nothing_returned(&[]);
    assert!(matches!(one_by_one(&clean(0)), Err(CleanError::Boring(0))));
    plain_target(&[clean(1)], &config).await.unwrap();
    assert_eq!(one_outcome_each(&[clean(1), clean(2)]).await.outcomes(), 2);
    let mut tx = target::Writing(&mut written);
    in_transaction(&[clean(1)], &mut tx, &config).await.unwrap();
    plain_in_transaction(&clean(5), &mut tx);
    beside_its_target(&[clean(1)], &mut tx, &target::table());
    assert_eq!(written, 7);
}

#[test]
fn a_definition_says_what_was_written() {
    let fallible = <transforms::any_number_or_not as Transform>::DEFINITION;
    assert_eq!((fallible.name, fallible.role, fallible.is_async), ("any_number_or_not", Role::Transform, false));
    assert_eq!((fallible.takes, fallible.input, fallible.output), (Takes::Record, "Raw", "Clean"));
    assert_eq!((fallible.options.retries, fallible.options.backoff), (Some(2), Some(Duration::from_millis(1))));
    assert_eq!(fallible.classes, CleanError::CLASSES);
    assert!(fallible.file.ends_with("forms.rs"));
    assert!(fallible.line > 150, "{}", fallible.line);

    let parallel = <transforms::lent as Transform>::DEFINITION;
    assert_eq!((parallel.takes, parallel.options.parallel, parallel.options.batch), (Takes::RecordLent, true, Some(500)));
    assert_eq!((parallel.options.unordered, parallel.classes), (true, Classes::NONE));

    let stateful = <transforms::with_state as Transform>::DEFINITION;
    assert_eq!((stateful.stateful, stateful.needs), (true, ["Registry"].as_slice()));
    let needs = <transforms::with_resources as Transform>::DEFINITION.needs;
    assert_eq!(needs, ["Config", "Registry"], "a type that is asked for twice is one need");

    let stream = <extractors::from_stream as Extractor>::DEFINITION;
    assert_eq!((stream.takes, stream.output, stream.is_async), (Takes::Nothing, "Raw", true));
    assert_eq!((stream.options.timeout, stream.replayable, stream.decodes), (Some(Duration::from_secs(5)), false, false));
    let source = <extractors::from_source as Extractor>::DEFINITION;
    assert_eq!((source.replayable, source.decodes, source.options.on_malformed), (true, true, Some(Class::Skip)));
    assert!(source.all_classes().contains(Class::Skip));
    let vouched = <extractors::from_iterator_in_result as Extractor>::DEFINITION;
    assert_eq!((vouched.replayable, vouched.options.replayable), (true, true));

    let loader = <loaders::in_transaction as Loader>::DEFINITION;
    assert_eq!((loader.role, loader.transactional, loader.takes), (Role::Loader, true, Takes::BatchLent));
    let plain = <loaders::plain_target as Loader>::DEFINITION;
    assert!(!plain.transactional);
}

#[test]
fn i8_an_error_is_told_by_its_template() {
    let negative = CleanError::Negative { number: -7 };
    assert_eq!((negative.class(), negative.code()), (Class::Reject, "CleanError::Negative"));
    assert_eq!(negative.message(), "number … is negative, not {positive}");
    assert_eq!(negative.hint().as_deref(), Some("ask for positive numbers"));
    assert_eq!(CleanError::Boring(7).message(), "number … is boring");
    let bytes = vec![b'a', 0xff];
    let broken = CleanError::from(std::str::from_utf8(&bytes).unwrap_err());
    assert_eq!((broken.class(), broken.message().as_ref()), (Class::Fail, "broken name"));
    assert_eq!(broken.causes().len(), 1);
    assert!(broken.causes()[0].contains("utf-8"), "{:?}", broken.causes());
    assert_eq!(broken.hint(), None);
}

#[test]
fn a_pipeline_is_what_its_clauses_say() {
    let plan = pipelines::Everything::plan();
    let outline = plan.outline();
    let names: Vec<_> = outline.stages.iter().map(|stage| stage.name).collect();
    assert_eq!(names, ["from_iterator_in_result", "fallible", "asynchronous", "in_transaction"]);
    assert_eq!((outline.name, outline.doc, outline.edges.len()), ("Everything", "Everything at once.", 3));
    assert_eq!(outline.resources, ["registry", "index", "table"]);
    assert_eq!(outline.policy.delivery, Some(Delivery::AtLeastOnce));
    assert_eq!(outline.policy.threshold, Threshold::rate(0.01).with_count(500).with_in_a_row(20));
    assert_eq!((outline.policy.memory, outline.policy.dead_letter), (Some(256 << 20), true));
    assert_eq!(pipelines::Everything::dead_letter(&config()), Some(PathBuf::from("r")));
    assert_eq!(pipelines::OnlyExtractorAndLoader::dead_letter(&()), Some(PathBuf::from("rejects.jsonl")));
    assert_eq!(pipelines::Smallest::dead_letter(&()), None);
    assert_eq!(pipelines::Smallest::plan().outline().policy, Policy::NONE);
    assert_eq!(pipelines::OnlyExtractorAndLoader::plan().outline().stages.len(), 2);
    let validated = pipelines::Validated::plan();
    let options = validated.outline().stages[1].options;
    assert_eq!((options.validate_input, options.validate_output, options.on_invalid), (true, true, Some(Class::Skip)));
    assert_eq!(validated.outline().policy.threshold, Threshold::rate(0.005));
}

#[tokio::test]
async fn resources_are_made_in_the_order_of_the_list() {
    let context = pipelines::Everything::context(config()).await.unwrap();
    assert_eq!(<pipelines::Everything as Pipeline>::settings(&context).count, 3);
    assert_eq!(Provides::<Registry>::get(&context).0.len(), 3);
    assert_eq!(Provides::<Index>::get(&context).0, 6);
}
