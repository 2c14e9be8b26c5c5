//! A run that is stopped: what a source has yielded is not lost, and what does not end is given up.

mod support;

use std::sync::atomic::Ordering;
use std::time::Duration;

use etl_core::engine::RunOptions;
use etl_core::error::Result;
use etl_core::observe::report::Status;
use etl_core::source::{BoxSource, FromStream, IntoSource};
use etl_core::stage::{Extractor, Lent, Role, StageDefinition};
use etl_core::wiring::Plan;
use futures::StreamExt;
use support::{Cx, Fates, Number, Numbers, Store, Stuck};

/// A stream that yields its numbers and then nothing, without an end.
struct Silent;

impl Extractor for Silent {
    type Out = Number;
    type Class = etl_core::guarantee::Ephemeral;
    type Needs = (Cx,);
    const DEFINITION: StageDefinition = StageDefinition::new("silent", Role::Extractor);

    async fn open<'a>((cx,): Lent<'a, Self::Needs>) -> Result<BoxSource<'a, Number>> {
        let numbers = futures::stream::iter(0..cx.count).map(|number| {
            cx.steps.fetch_add(1, Ordering::Relaxed);
            Number(number)
        });
        Ok(FromStream(numbers.chain(futures::stream::pending())).into_source())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn i1_what_a_stream_has_yielded_towards_a_chunk_is_loaded_when_the_run_is_drained() {
    let plan = Plan::build("silent").extract::<Silent>().load::<Store>();
    let mut options = RunOptions::new(plan.outline());
    (options.stages[0].batch, options.stages[0].linger) = (1_000, Duration::from_secs(3_600));
    let cx = Cx::new(10, Fates::default(), Fates::default());
    let (steps, loaded) = (std::sync::Arc::clone(&cx.steps), std::sync::Arc::clone(&cx.loaded));
    let run = plan.with(cx, options);
    let stop = run.stop();
    let running = tokio::spawn(run.execute());
    while steps.load(Ordering::Relaxed) < 10 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    stop.drain();
    let report = running.await.unwrap();
    assert_eq!((report.status, report.records.loaded), (Status::Stopped, 10), "{:?}", report.failure);
    assert_eq!(*loaded.lock().unwrap(), (0..10).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn i7_a_drain_that_takes_too_long_is_given_up() {
    let plan = Plan::build("stuck").extract::<Numbers>().transform::<Stuck>().load::<Store>();
    let mut options = RunOptions::new(plan.outline());
    options.drain_timeout = Duration::from_millis(100);
    let run = plan.with(Cx::new(10, Fates::default(), Fates::default()), options);
    let stop = run.stop();
    let running = tokio::spawn(run.execute());
    tokio::time::sleep(Duration::from_millis(50)).await;
    stop.drain();
    let report = tokio::time::timeout(Duration::from_secs(8), running).await.expect("it is given up").unwrap();
    assert_eq!((report.status, report.records.loaded), (Status::Stopped, 0));
    assert!(report.records.conserved());
}
