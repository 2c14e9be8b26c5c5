//! When batches close, how stages are paced, and what runtimes a pipeline runs on.
//!
//! Time is paused in these tests and moves when everything waits, so that minutes pass at once and
//! nothing depends on how fast the machine is.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use etl_core::Pipeline;
use etl_core::engine::RunOptions;
use etl_core::observe::report::{Report, Status};
use etl_core::prelude::*;
use futures::Stream;
use tokio::time::{Instant, sleep};

#[derive(Debug, Settings)]
pub struct Config {
    /// How many records, in bursts of ten, ten minutes apart.
    pub bursts: u64,
}

#[derive(Record, Debug, Clone)]
pub struct Tick {
    pub number: u64,
}

/// What was loaded: how many records at once, and when.
#[derive(Debug, Default)]
pub struct Seen {
    batches: Mutex<Vec<(usize, Instant)>>,
}

impl Seen {
    fn note(&self, ticks: &[Tick]) {
        self.batches.lock().unwrap().push((ticks.len(), Instant::now()));
    }
}

#[resource]
pub fn seen() -> Seen {
    Seen::default()
}

const BURST: u64 = 10;
const PAUSE: Duration = Duration::from_secs(600);

#[extractor]
pub fn bursts(config: &Config) -> impl Stream<Item = Tick> {
    let count = config.bursts * BURST;
    futures::stream::unfold(0, move |number| async move {
        if number > 0 && number % BURST == 0 {
            sleep(PAUSE).await;
        }
        (number < count).then_some((Tick { number }, number + 1))
    })
}

#[extractor]
pub fn at_once(config: &Config) -> Vec<Tick> {
    (0..config.bursts * BURST).map(|number| Tick { number }).collect()
}

#[extractor(rate = "10/s")]
pub fn paced_source(config: &Config) -> Vec<Tick> {
    (0..config.bursts * BURST).map(|number| Tick { number }).collect()
}

#[transform(concurrency = 8, rate = "10/s")]
pub async fn paced(tick: Tick) -> Tick {
    tick
}

#[loader(batch = 1_000)]
pub fn store(ticks: &[Tick], seen: &Seen) {
    seen.note(ticks);
}

#[loader(batch = 5, rate = "10/s")]
pub fn paced_store(ticks: &[Tick], seen: &Seen) {
    seen.note(ticks);
}

#[loader(batch = 1_000, linger = "1h")]
pub fn patient_store(ticks: &[Tick], seen: &Seen) {
    seen.note(ticks);
}

pipeline! { Bursts { settings: Config, resources: [seen], flow: bursts => store } }
pipeline! { Patient { settings: Config, resources: [seen], flow: bursts => patient_store } }
pipeline! { PacedCalls { settings: Config, resources: [seen], flow: at_once => paced => store } }
pipeline! { PacedSource { settings: Config, resources: [seen], flow: paced_source => store } }
pipeline! { PacedStore { settings: Config, resources: [seen], flow: at_once => paced_store } }

trait Keeps {
    fn kept(&self) -> &Seen;
}

impl<C: etl_core::needs::Provides<Seen>> Keeps for C {
    fn kept(&self) -> &Seen {
        self.get()
    }
}

/// Runs on the runtime of the test, and gives back what was loaded, as seconds since the start.
async fn run<P: Pipeline<Settings = Config>>(bursts: u64) -> (Report, Arc<Mutex<Vec<(usize, u64)>>>)
where
    P::Context: Keeps,
{
    let plan = P::plan();
    let options = RunOptions::new(plan.outline());
    let begun = Instant::now();
    let context = P::context(Config { bursts }).await.unwrap();
    let report = plan.with(context, options).execute().await;
    assert_eq!(report.status, Status::Done, "{:?}", report.failure);
    assert_eq!(report.records.loaded, bursts * BURST);
    let _ = begun;
    (report, Arc::default())
}
