//! A pipeline inside somebody else's program: on any kind of tokio runtime, several at once, and
//! given up halfway.

#![allow(missing_docs, reason = "the stages of a test are public because the macros make public types of them")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use etl_core::Pipeline;
use etl_core::engine::RunOptions;
use etl_core::needs::Provides;
use etl_core::observe::report::Report;
use etl_core::prelude::*;

#[derive(Debug, Clone, Settings)]
pub struct Config {
    records: u64,
}

#[derive(Record, Debug, Clone)]
pub struct Number {
    value: u64,
}

/// What one run has loaded.
#[derive(Debug, Default)]
pub struct Sum(AtomicU64);

#[resource]
pub fn sum() -> Arc<Sum> {
    Arc::default()
}

#[extractor(batch = 100)]
pub fn numbers(config: &Config) -> impl Iterator<Item = Number> {
    (0..config.records).map(|value| Number { value })
}

#[transform(parallel)]
pub fn doubled(number: Number) -> Number {
    Number { value: 2 * number.value }
}

#[transform(concurrency = 16)]
pub async fn looked_up(number: Number) -> Number {
    tokio::time::sleep(Duration::from_micros(number.value % 100)).await;
    Number { value: number.value + 1 }
}

#[loader(batch = 500)]
pub async fn add(numbers: &[Number], sum: &Arc<Sum>) {
    tokio::task::yield_now().await;
    sum.0.fetch_add(numbers.iter().map(|number| number.value).sum(), Ordering::Relaxed);
}

pipeline! { Plain { settings: Config, resources: [sum], flow: numbers => doubled => add } }
pipeline! { Awaiting { settings: Config, resources: [sum], flow: numbers => doubled => looked_up => add } }

/// Runs, and gives back the sum that was loaded.
async fn total<P: Pipeline<Settings = Config, Context: Provides<Arc<Sum>>>>(records: u64) -> u64 {
    let plan = P::plan();
    let options = RunOptions::new(plan.outline());
    let context = P::context(Config { records }).await.unwrap();
    let sum: Arc<Sum> = Arc::clone(context.get());
    let report = plan.with(context, options).execute().await.into_result().unwrap();
    assert_eq!(report.records.loaded, records);
    sum.0.load(Ordering::Relaxed)
}

async fn plain(records: u64) {
    let expected = (0..records).map(|n| 2 * n).sum::<u64>();
    assert_eq!(total::<Plain>(records).await, expected);
}

async fn awaiting(records: u64) {
    let expected = (0..records).map(|n| 2 * n + 1).sum::<u64>();
    assert_eq!(total::<Awaiting>(records).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_runs_inside_a_program_with_a_runtime_of_many_threads() {
    plain(20_000).await;
    awaiting(2_000).await;
}

#[tokio::test(flavor = "current_thread")]
async fn it_runs_on_a_runtime_of_one_thread() {
    plain(20_000).await;
    awaiting(2_000).await;
}

#[tokio::test(flavor = "current_thread")]
async fn it_runs_in_a_task_that_may_not_leave_its_thread() {
    tokio::task::LocalSet::new().run_until(async { tokio::task::spawn_local(plain(2_000)).await.unwrap() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_pipelines_run_in_one_process() {
    let tasks = [tokio::spawn(plain(30_000)), tokio::spawn(awaiting(3_000)), tokio::spawn(plain(10)), tokio::spawn(awaiting(0))];
    tokio::join!(plain(5_000), awaiting(1_000), plain(0));
    for task in tasks {
        task.await.unwrap();
    }
}

#[test]
fn several_pipelines_run_on_a_runtime_each() {
    std::thread::scope(|scope| {
        for records in [1_000, 2_000, 3_000] {
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
                runtime.block_on(async { tokio::join!(plain(records), awaiting(records / 10)) });
            });
        }
    });
}

#[tokio::test]
async fn one_call_runs_it_and_tells_what_became_of_every_record() {
    let report = Plain::run(Config { records: 1_234 }).await.and_then(Report::into_result).unwrap();
    assert_eq!((report.pipeline, report.records.loaded), ("Plain", 1_234));
}

#[tokio::test]
async fn a_run_that_is_dropped_is_given_up() {
    let plan = Awaiting::plan();
    let options = RunOptions::new(plan.outline());
    let context = Awaiting::context(Config { records: u64::MAX }).await.unwrap();
    let sum = Arc::downgrade(Provides::<Arc<Sum>>::get(&context));
    let run = plan.with(context, options);
    let metrics = run.metrics();
    let mut run = Box::pin(run.execute());
    while metrics.snapshot().last().is_none_or(|loader| loader.counts.entered < 1_000) {
        tokio::select! {
            _ = &mut run => unreachable!("there is no end to the numbers"),
            () = tokio::time::sleep(Duration::from_millis(1)) => {}
        }
    }
    drop(run);
    // Its threads let go of the resources when they are done: a hang here is the failure.
    while sum.strong_count() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
