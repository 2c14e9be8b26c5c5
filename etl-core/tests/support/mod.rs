//! A pipeline whose traits are implemented by hand, as the macros do: numbers go in, each number
//! decides its own fate, and what is loaded is kept in memory.

#![allow(dead_code, unreachable_pub, missing_debug_implementations, reason = "each test file uses its part")]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use etl_core::error::{Class, Classes, Result, StageError};
use etl_core::needs::{Context, Provides};
use etl_core::record::Record;
use etl_core::source::{BoxSource, FromIter, FromStream, IntoSource};
use etl_core::stage::{
    Batch, BatchPlain, Borrowed, Cloned, EachAsync, EachPlain, Extractor, Fallible, Feed, FilterPlain, Lent, Loaded, Loader, Owned, Role,
    StageDefinition, StageReturn, TransactionOf, Transform, Unchecked, ways,
};
use etl_core::target::{UNTARGETED, Untargeted};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number(pub u64);

impl Record for Number {
    fn to_json(&self, out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(format!("{{\"n\":{}}}", self.0).as_bytes());
        true
    }
}

/// What happens to a number, by its remainder.
#[derive(Clone, Debug, Default)]
pub struct Fates {
    pub modulus: u64,
    pub by_remainder: BTreeMap<u64, Fate>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Skip,
    Reject,
    Fail,
    Filter,
    /// Fails so many times, then succeeds.
    Retry(u32),
    /// Becomes so many.
    Expand(u64),
    Panic,
}

impl Fates {
    pub fn of(&self, number: u64) -> Option<Fate> {
        self.by_remainder.get(&number.checked_rem(self.modulus)?).copied()
    }
}

/// How long a stage takes for a number: most are quick, one in twenty is ten times slower.
#[derive(Clone, Copy, Debug)]
pub struct Delays {
    pub seed: u64,
}

impl Delays {
    pub fn of(self, stage: &'static str, number: u64) -> Duration {
        let mixed = (number ^ self.seed ^ stage.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        let milliseconds = mixed % 8 * if mixed.is_multiple_of(20) { 10 } else { 1 };
        Duration::from_millis(milliseconds)
    }
}

pub struct Cx {
    pub count: u64,
    pub fates: Fates,
    pub load_fates: Fates,
    /// For the clock of the runtime, which may be a paused one.
    pub delays: Option<Delays>,
    pub tries: Mutex<BTreeMap<(&'static str, u64), u32>>,
    pub loaded: Arc<Mutex<Vec<u64>>>,
    /// Grows with each thing that a stage does.
    pub steps: Arc<AtomicU64>,
}

impl Context for Cx {}

impl Provides<Cx> for Cx {
    fn get(&self) -> &Cx {
        self
    }
}

impl Cx {
    pub fn new(count: u64, fates: Fates, load_fates: Fates) -> Self {
        Self { count, fates, load_fates, delays: None, tries: Mutex::default(), loaded: Arc::default(), steps: Arc::default() }
    }

    async fn delay(&self, stage: &'static str, number: u64) {
        match self.delays.map(|delays| delays.of(stage, number)) {
            Some(Duration::ZERO) => tokio::task::yield_now().await,
            Some(delay) => tokio::time::sleep(delay).await,
            None => {}
        }
    }

    /// Whether this try fails.
    fn fails_once_more(&self, stage: &'static str, number: u64, times: u32) -> bool {
        let mut tries = self.tries.lock().unwrap();
        let tried = tries.entry((stage, number)).or_insert(0);
        *tried += 1;
        *tried <= times
    }
}

#[derive(Debug)]
pub struct Oops(pub Class);

impl StageError for Oops {
    const CLASSES: Classes = Classes::FAIL.with(Class::Retry).with(Class::Skip).with(Class::Reject);

    fn class(&self) -> Class {
        self.0
    }

    fn code(&self) -> &'static str {
        match self.0 {
            Class::Retry => "Oops::Retry",
            Class::Skip => "Oops::Skip",
            Class::Reject => "Oops::Reject",
            Class::Fail => "Oops::Fail",
        }
    }

    fn message(&self) -> Cow<'static, str> {
        Cow::Borrowed("as the number asked")
    }
}

impl Fallible for Oops {}

pub fn decide(stage: &'static str, number: &Number, cx: &Cx, fates: &Fates) -> Result<Vec<Number>, Oops> {
    cx.steps.fetch_add(1, Ordering::Relaxed);
    match fates.of(number.0) {
        None => Ok(vec![number.clone()]),
        Some(Fate::Filter) => Ok(Vec::new()),
        Some(Fate::Skip) => Err(Oops(Class::Skip)),
        Some(Fate::Reject) => Err(Oops(Class::Reject)),
        Some(Fate::Fail) => Err(Oops(Class::Fail)),
        Some(Fate::Retry(times)) if cx.fails_once_more(stage, number.0, times) => Err(Oops(Class::Retry)),
        Some(Fate::Retry(_)) => Ok(vec![number.clone()]),
        Some(Fate::Expand(many)) => Ok((0..many).map(|_| number.clone()).collect()),
        Some(Fate::Panic) => panic!("secret {}", number.0),
    }
}

pub struct Numbers;

impl Extractor for Numbers {
    type Out = Number;
    type Class = etl_core::guarantee::Ephemeral;
    type Needs = (Cx,);
    const DEFINITION: StageDefinition = StageDefinition::new("numbers", Role::Extractor);

    async fn open<'a>((cx,): Lent<'a, Self::Needs>) -> Result<BoxSource<'a, Number>> {
        Ok(FromIter((0..cx.count).map(Number)).into_source())
    }
}

/// The same numbers, that come when they come.
pub struct Trickle;

impl Extractor for Trickle {
    type Out = Number;
    type Class = etl_core::guarantee::Ephemeral;
    type Needs = (Cx,);
    const DEFINITION: StageDefinition = StageDefinition::new("trickle", Role::Extractor);

    async fn open<'a>((cx,): Lent<'a, Self::Needs>) -> Result<BoxSource<'a, Number>> {
        let numbers = futures::stream::unfold(0, move |number| async move {
            cx.delay("trickle", number).await;
            cx.steps.fetch_add(1, Ordering::Relaxed);
            (number < cx.count).then_some((Number(number), number + 1))
        });
        Ok(FromStream(numbers).into_source())
    }
}

macro_rules! transform {
    ($name:ident, $text:literal, $feed:ty, $way:ident, $definition:expr) => {
        pub struct $name;

        impl Transform for $name {
            type In = Number;
            type Out = Number;
            type Error = Oops;
            type Needs = (Cx,);
            type State = ();
            type InputGuard = Unchecked;
            type OutputGuard = Unchecked;
            type Way = ways::$way;
            const DEFINITION: StageDefinition = {
                let mut definition = StageDefinition::new($text, Role::Transform);
                definition.classes = Oops::CLASSES;
                $definition(definition)
            };
        }
    };
}

const fn serial(definition: StageDefinition) -> StageDefinition {
    definition
}

const fn parallel(mut definition: StageDefinition) -> StageDefinition {
    definition.options.parallel = true;
    definition.options.retries = Some(3);
    definition.options.backoff = Some(Duration::from_micros(1));
    definition
}

const fn awaiting(mut definition: StageDefinition) -> StageDefinition {
    definition.is_async = true;
    definition.options.concurrency = Some(8);
    definition.options.parallel = true;
    definition.options.retries = Some(3);
    definition.options.backoff = Some(Duration::from_micros(1));
    definition
}

const fn racing(definition: StageDefinition) -> StageDefinition {
    let mut definition = awaiting(definition);
    definition.options.unordered = true;
    definition
}

const fn batched(mut definition: StageDefinition) -> StageDefinition {
    definition.takes = etl_core::stage::Takes::Batch;
    definition.options.batch = Some(7);
    definition
}

transform!(Once, "once", Owned, PlainOnce, serial);
transform!(Again, "again", Borrowed, PlainAgain, parallel);
transform!(AgainCloned, "again_cloned", Cloned, PlainAgain, parallel);
transform!(Awaited, "awaited", Borrowed, AsyncAgain, awaiting);
transform!(Racing, "racing", Borrowed, AsyncAgain, racing);
transform!(Batched, "batched", Owned, BatchPlain, batched);

impl EachPlain for Once {
    type Feed = Owned;

    fn call((cx,): Lent<'_, Self::Needs>, (): &mut (), record: Number, out: &mut Vec<Number>) -> Result<(), Oops> {
        decide("once", &record, cx, &cx.fates).emit(out)
    }
}

impl EachPlain for Again {
    type Feed = Borrowed;

    fn call((cx,): Lent<'_, Self::Needs>, (): &mut (), record: &Number, out: &mut Vec<Number>) -> Result<(), Oops> {
        decide("again", record, cx, &cx.fates).emit(out)
    }
}

impl EachPlain for AgainCloned {
    type Feed = Cloned;

    fn call((cx,): Lent<'_, Self::Needs>, (): &mut (), record: Number, out: &mut Vec<Number>) -> Result<(), Oops> {
        decide("again_cloned", &record, cx, &cx.fates).emit(out)
    }
}

macro_rules! each_async {
    ($name:ident, $text:literal) => {
        impl EachAsync for $name {
            type Feed = Borrowed;

            async fn call<'c, 'a>(
                (cx,): Lent<'c, Self::Needs>,
                record: <Borrowed as Feed<Number>>::Arg<'a>,
            ) -> impl StageReturn<Record = Number, Error = Oops> + Send {
                if record.0.is_multiple_of(5) {
                    tokio::task::yield_now().await;
                }
                cx.delay($text, record.0).await;
                decide($text, record, cx, &cx.fates)
            }
        }
    };
}

each_async!(Awaited, "awaited");
each_async!(Racing, "racing");

transform!(Stuck, "stuck", Borrowed, AsyncAgain, awaiting);

impl EachAsync for Stuck {
    type Feed = Borrowed;

    async fn call<'c, 'a>(
        _: Lent<'c, Self::Needs>,
        _: <Borrowed as Feed<Number>>::Arg<'a>,
    ) -> impl StageReturn<Record = Number, Error = Oops> + Send {
        std::future::pending::<Result<Number, Oops>>().await
    }
}

impl BatchPlain for Batched {
    type Feed = Owned;

    fn call((cx,): Lent<'_, Self::Needs>, (): &mut (), records: Vec<Number>) -> Result<Batch<Number, Oops>, Oops> {
        assert!(records.len() <= 4_096);
        Ok(records.iter().map(|record| decide("batched", record, cx, &cx.fates)).collect())
    }
}

pub struct Even;

impl Transform for Even {
    type In = Number;
    type Out = Number;
    type Error = std::convert::Infallible;
    type Needs = ();
    type State = ();
    type InputGuard = Unchecked;
    type OutputGuard = Unchecked;
    type Way = ways::FilterPlain;
    const DEFINITION: StageDefinition = StageDefinition::new("even", Role::Filter);
}

impl FilterPlain for Even {
    fn keeps((): (), record: &Number) -> Result<bool, std::convert::Infallible> {
        Ok(record.0.is_multiple_of(2))
    }
}

pub struct Store;

impl Loader for Store {
    type In = Number;
    type Target = Untargeted;
    type Class = etl_core::guarantee::AppendOnly;
    type Error = Oops;
    type Needs = (Cx,);
    type InputGuard = Unchecked;
    const DEFINITION: StageDefinition = {
        let mut definition = StageDefinition::new("store", Role::Loader);
        definition.classes = Oops::CLASSES;
        definition.options.batch = Some(100);
        definition.options.retries = Some(3);
        definition.options.backoff = Some(Duration::from_micros(1));
        definition
    };

    fn target<'a>(_: Lent<'a, Self::Needs>) -> &'a Untargeted {
        &UNTARGETED
    }

    async fn load<'c, 'a, 't>((cx,): Lent<'c, Self::Needs>, records: &'a [Number], _: &'a mut TransactionOf<'t, Self>) -> Loaded<Oops> {
        cx.delay("store", records.first().map_or(0, |record| record.0)).await;
        let mut outcomes = Batch::with_capacity(0);
        let mut loaded = cx.loaded.lock().unwrap();
        for record in records {
            match decide("store", record, cx, &cx.load_fates) {
                Ok(_) => {
                    loaded.push(record.0);
                    outcomes.push(());
                }
                Err(Oops(Class::Retry | Class::Fail)) => {
                    let before = loaded.len() - outcomes.records().len();
                    loaded.truncate(before);
                    return Err(Oops(if matches!(cx.load_fates.of(record.0), Some(Fate::Fail)) { Class::Fail } else { Class::Retry }));
                }
                Err(error) => outcomes.error(error),
            }
        }
        Ok(Some(outcomes))
    }
}
