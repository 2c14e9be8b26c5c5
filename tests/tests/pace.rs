//! When batches close, what holds back whom, and how stages are kept to a rate.
//!
//! Time is paused: it moves only when nothing else is left to do, so that hours pass at once and no
//! test depends on how fast the machine is. It may also move while a worker computes, so that a test
//! says what must not have happened *before* some time, never after.

#![allow(missing_docs, reason = "the stages of a test are public because the macros make public types of them")]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use etl_core::Pipeline;
use etl_core::observe::report::Report;
use etl_core::prelude::*;
use futures::Stream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

#[derive(Debug, Clone, Settings)]
pub struct Config {
    /// Which test it is: all of them share what is static here.
    test: u64,
    records: u64,
}

#[derive(Record, Debug, Clone)]
pub struct Tick {
    number: u64,
    payload: String,
}

impl Tick {
    fn new(number: u64, bytes: usize) -> Self {
        Self { number, payload: "x".repeat(bytes) }
    }
}

/// What a test sees of its run: when something was done, and with how many records.
static SEEN: Mutex<BTreeMap<u64, Vec<(usize, Instant)>>> = Mutex::new(BTreeMap::new());

fn note(config: &Config, records: usize) {
    SEEN.lock().unwrap().entry(config.test).or_default().push((records, Instant::now()));
}

fn seen(test: u64) -> Vec<(usize, Instant)> {
    SEEN.lock().unwrap().remove(&test).unwrap_or_default()
}

async fn run<P: Pipeline<Settings = Config>>(config: Config) -> Report {
    let records = config.records;
    let report = P::run(config).await.and_then(Report::into_result).unwrap();
    assert_eq!(report.records.loaded, records);
    report
}

/// That of what passed at `rate` a second nothing passed before its time: `at_once` pass without waiting.
fn assert_paced(test: u64, begun: Instant, rate: f64, at_once: usize) {
    let mut passed = 0;
    for (records, at) in seen(test) {
        passed += records;
        let allowed = at_once as f64 + rate * (at - begun).as_secs_f64();
        assert!(passed as f64 <= allowed + 1e-6, "{passed} had passed where {allowed} were allowed");
    }
    assert!(passed > 2 * at_once, "{passed} passed");
}

#[extractor]
pub fn all(config: &Config) -> Vec<Tick> {
    (0..config.records).map(|number| Tick::new(number, 0)).collect()
}

#[loader]
pub fn store(ticks: &[Tick], config: &Config) {
    let _ = (ticks, config);
}

// Rates.

#[extractor(rate = "10/s")]
pub fn paced_source(config: &Config) -> Vec<Tick> {
    (0..config.records).map(|number| Tick::new(number, 0)).collect()
}

/// Awaits, because a CPU worker knows nothing of the runtime's clock.
#[transform]
pub async fn noted(tick: Tick, config: &Config) -> Tick {
    note(config, 1);
    tick
}

#[transform(concurrency = 8, rate = "10/s")]
pub async fn paced_call(tick: Tick, config: &Config) -> Tick {
    note(config, 1);
    tick
}

#[loader(batch = 5, rate = "600/min")]
pub async fn paced_store(ticks: &[Tick], config: &Config) {
    note(config, ticks.len());
}

pipeline! { PacedSource { settings: Config, flow: paced_source => noted => store } }
pipeline! { PacedCalls { settings: Config, flow: all => paced_call => store } }
pipeline! { PacedStore { settings: Config, flow: all => paced_store } }

#[tokio::test(start_paused = true)]
async fn a_rate_keeps_an_extractor() {
    let begun = Instant::now();
    run::<PacedSource>(Config { test: 1, records: 60 }).await;
    assert_paced(1, begun, 10.0, 1);
}

#[tokio::test(start_paused = true)]
async fn a_rate_keeps_the_calls_of_a_stage_that_awaits() {
    let begun = Instant::now();
    run::<PacedCalls>(Config { test: 2, records: 60 }).await;
    assert_paced(2, begun, 10.0, 1);
}

#[tokio::test(start_paused = true)]
async fn a_rate_keeps_a_loader() {
    let begun = Instant::now();
    run::<PacedStore>(Config { test: 3, records: 60 }).await;
    assert_paced(3, begun, 10.0, 5);
}

// Time: what is there is loaded, though no batch is full and nothing more comes.

/// How many records of each test are loaded.
static LOADED: Mutex<BTreeMap<u64, watch::Sender<u64>>> = Mutex::new(BTreeMap::new());

fn loaded(test: u64, more: usize) -> watch::Receiver<u64> {
    let mut all = LOADED.lock().unwrap();
    let sender = all.entry(test).or_insert_with(|| watch::channel(0).0);
    sender.send_modify(|loaded| *loaded += more as u64);
    sender.subscribe()
}

const BURST: u64 = 10;

/// Each burst comes when the one before it has been loaded: who waits for a full batch waits for ever.
#[extractor]
pub fn bursts(config: &Config) -> impl Stream<Item = Tick> {
    let (test, records) = (config.test, config.records);
    futures::stream::unfold(0, move |number| async move {
        if number < records && number % BURST == 0 {
            loaded(test, 0).wait_for(|loaded| *loaded == number).await.unwrap();
        }
        (number < records).then_some((Tick::new(number, 0), number + 1))
    })
}

#[loader(batch = 1_000)]
pub async fn prompt_store(ticks: &[Tick], config: &Config) {
    note(config, ticks.len());
    loaded(config.test, ticks.len());
}

#[loader(batch = 1_000, linger = "1h")]
pub async fn patient_store(ticks: &[Tick], config: &Config) {
    note(config, ticks.len());
    loaded(config.test, ticks.len());
}

pipeline! { Prompt { settings: Config, flow: bursts => prompt_store } }
pipeline! { Patient { settings: Config, flow: bursts => patient_store } }

#[tokio::test(start_paused = true)]
async fn a_batch_that_does_not_fill_is_closed_by_time() {
    run::<Prompt>(Config { test: 4, records: 5 * BURST }).await;
    assert!(seen(4).iter().all(|(records, _)| *records <= BURST as usize));
}

#[tokio::test(start_paused = true)]
async fn a_batch_waits_as_long_as_its_linger_says() {
    let begun = Instant::now();
    run::<Patient>(Config { test: 5, records: 3 * BURST }).await;
    let batches = seen(5);
    assert_eq!(batches.iter().map(|(records, _)| *records).collect::<Vec<_>>(), [10, 10, 10], "each burst is one batch");
    for (number, (_, at)) in (1..).zip(&batches[..2]) {
        assert!(*at >= begun + number * Duration::from_secs(3_600), "the source's end alone closes a batch sooner");
    }
}

// Bytes: what is under way stays within the budget.

const WIDE: usize = 64 << 10;
const BUDGET: usize = 4 << 20;

/// How many records are between source and target, and the most that ever were.
static UNDER_WAY: AtomicU64 = AtomicU64::new(0);
static MOST: AtomicU64 = AtomicU64::new(0);

#[extractor]
pub fn wide(config: &Config) -> impl Iterator<Item = Tick> {
    (0..config.records).map(|number| {
        MOST.fetch_max(1 + UNDER_WAY.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        Tick::new(number, WIDE)
    })
}

#[loader(batch = 7)]
pub async fn slow_store(ticks: &[Tick]) {
    sleep(Duration::from_secs(3_600)).await;
    UNDER_WAY.fetch_sub(ticks.len() as u64, Ordering::Relaxed);
}

pipeline! { Wide { settings: Config, flow: wide => slow_store, memory: "4MiB" } }

#[tokio::test(start_paused = true)]
async fn i7_a_slow_target_holds_back_its_source_within_the_budget_in_bytes() {
    run::<Wide>(Config { test: 6, records: 1_000 }).await;
    // What is read while it waits for room is one chunk: an eighth of the budget, and a record.
    let most = (BUDGET + BUDGET / 8) / WIDE + 1;
    assert!(MOST.load(Ordering::Relaxed) <= most as u64, "{} records of at most {most} were under way", MOST.load(Ordering::Relaxed));
    assert!(MOST.load(Ordering::Relaxed) >= (BUDGET / WIDE) as u64 / 2, "the budget is made use of");
}
