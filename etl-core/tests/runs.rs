//! How a run begins, is watched, and ends.

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use etl_core::ErrorKind;
use etl_core::engine::{Run, RunOptions};
use etl_core::observe::report::{Report, Status};
use etl_core::policy::{Delivery, Policy, Threshold};
use etl_core::wiring::Plan;
use support::{Again, Awaited, Cx, Even, Fate, Fates, Numbers, Store};

fn one_in_ten(fate: Fate) -> Fates {
    Fates { modulus: 10, by_remainder: BTreeMap::from([(3, fate)]) }
}

fn ready(count: u64, fates: Fates, set: impl FnOnce(&mut RunOptions)) -> (Run<Cx>, Arc<std::sync::Mutex<Vec<u64>>>) {
    let plan = Plan::build("numbers").extract::<Numbers>().transform::<Again>().transform::<Even>().load::<Store>();
    let mut options = RunOptions::new(plan.outline());
    options.stages[0].batch = 100;
    set(&mut options);
    let context = Cx::new(count, fates, Fates::default());
    let loaded = Arc::clone(&context.loaded);
    (plan.with(context, options), loaded)
}

async fn run(count: u64, fates: Fates, set: impl FnOnce(&mut RunOptions)) -> Report {
    let (run, _) = ready(count, fates, set);
    let report = run.execute().await;
    assert!(report.records.conserved(), "{:?}", report.records);
    report
}

#[tokio::test]
async fn i7_a_budget_smaller_than_the_loaders_batch_does_not_hang() {
    let report = run(10_000, Fates::default(), |options| {
        options.memory = 1;
        options.stages[3].batch = 5_000;
    })
    .await;
    assert_eq!((report.status, report.records.loaded), (Status::Done, 5_000));
}

#[tokio::test]
async fn the_error_rate_is_watched_while_running() {
    let directory = tempfile::tempdir().unwrap();
    let report = run(1_000_000, one_in_ten(Fate::Reject), |options| {
        options.dead_letter = Some(directory.path().join("rejects.jsonl"));
        options.threshold = Threshold::rate(0.05).with_min_sample(200);
    })
    .await;
    let error = report.failure.as_ref().unwrap();
    assert_eq!(error.kind(), ErrorKind::ThresholdExceeded);
    assert!(report.records.extracted < 1_000_000, "stopped early: {:?}", report.records);
    assert!(error.message().contains("more than the threshold of 5%"), "{error}");
}

#[tokio::test]
async fn the_error_rate_is_looked_at_once_more_at_the_end_of_a_small_run() {
    let report = run(30, one_in_ten(Fate::Skip), |options| options.threshold = Threshold::rate(0.05)).await;
    assert_eq!(report.failure.unwrap().kind(), ErrorKind::ThresholdExceeded);
    let report = run(30, one_in_ten(Fate::Skip), |options| options.threshold = Threshold::rate(0.1)).await;
    assert_eq!((report.status, report.records.skipped), (Status::Done, 3), "a rate that is met exactly is tolerated");
}

#[tokio::test]
async fn one_error_more_than_the_count_stops_the_run() {
    let report = run(100, one_in_ten(Fate::Skip), |options| options.threshold = Threshold::count(10)).await;
    assert_eq!(report.status, Status::Done);
    let report = run(110, one_in_ten(Fate::Skip), |options| options.threshold = Threshold::count(10)).await;
    assert_eq!(report.failure.unwrap().kind(), ErrorKind::ThresholdExceeded);
}

#[tokio::test]
async fn limit_reads_exactly_so_many_records() {
    for limit in [0, 1, 99, 100, 101, 250, 5_000] {
        let report = run(1_000, Fates::default(), |options| options.limit = Some(limit)).await;
        assert_eq!((report.status, report.records.extracted), (Status::Done, limit.min(1_000)));
    }
}

#[tokio::test]
async fn a_dry_run_loads_nothing_and_writes_no_dead_letters() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rejects.jsonl");
    let (run, loaded) = ready(1_000, one_in_ten(Fate::Reject), |options| {
        options.dry_run = true;
        options.dead_letter = Some(path.clone());
    });
    let report = run.execute().await;
    assert_eq!((report.status, report.records.loaded, report.records.rejected), (Status::DryRun, 0, 100));
    assert!(report.records.conserved() && loaded.lock().unwrap().is_empty() && !path.exists());
}

#[tokio::test]
async fn stopped_by_draining_a_run_finishes_what_it_has_read() {
    let (run, loaded) = ready(u64::MAX, Fates::default(), |_| {});
    let (stop, metrics) = (run.stop(), run.metrics());
    let running = tokio::spawn(run.execute());
    while metrics.extracted() < 1_000 {
        tokio::task::yield_now().await;
    }
    stop.drain();
    let report = running.await.unwrap();
    assert_eq!((report.status, report.records.unfinished), (Status::Stopped, 0));
    assert_eq!(report.records.loaded, loaded.lock().unwrap().len() as u64);
    assert!(report.records.conserved());
}

#[tokio::test]
async fn stopped_by_aborting_a_run_accounts_for_what_it_gives_up() {
    let (run, _) = ready(u64::MAX, Fates::default(), |_| {});
    let (stop, metrics) = (run.stop(), run.metrics());
    let running = tokio::spawn(run.execute());
    while metrics.extracted() < 1_000 {
        tokio::task::yield_now().await;
    }
    stop.abort();
    let report = running.await.unwrap();
    assert_eq!(report.status, Status::Stopped);
    assert!(report.records.conserved(), "{:?}", report.records);
}

#[tokio::test]
async fn check_moves_no_record() {
    let (run, loaded) = ready(1_000, Fates::default(), |_| {});
    let checked = run.check().await.unwrap();
    assert_eq!(checked.source.name, "memory");
    assert!(loaded.lock().unwrap().is_empty());
    assert_eq!(run.metrics().extracted(), 0);
}

#[tokio::test]
async fn a_dead_letter_path_that_cannot_be_written_is_refused_before_a_record_moves() {
    let directory = tempfile::tempdir().unwrap();
    let report = run(1_000, Fates::default(), |options| options.dead_letter = Some(directory.path().to_owned())).await;
    assert_eq!(report.failure.unwrap().kind(), ErrorKind::Config);
    assert_eq!(report.records.extracted, 0);
}

#[cfg(unix)]
#[tokio::test]
async fn dead_letters_are_private_and_appended_to() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rejects.jsonl");
    for lines in [10, 20] {
        run(100, one_in_ten(Fate::Reject), |options| options.dead_letter = Some(path.clone())).await;
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), lines);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let text = std::fs::read_to_string(&path).unwrap();
    let letter: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(letter["stage"], "again");
    assert_eq!(letter["id"]["ordinal"], 3);
    assert_eq!(letter["error_code"], "Oops::Reject");
    assert_eq!(letter["payload_encoding"], "base64+json");
    assert_eq!(letter["payload"], "eyJuIjozfQ==", "the record as JSON: the source has no bytes");
}

#[tokio::test]
async fn calls_of_an_async_stage_run_side_by_side_and_keep_the_order() {
    let plan = Plan::build("numbers").extract::<Numbers>().transform::<Awaited>().load::<Store>();
    let options = RunOptions::new(plan.outline());
    let context = Cx::new(5_000, Fates::default(), Fates::default());
    let loaded = Arc::clone(&context.loaded);
    let report = plan.with(context, options).execute().await;
    assert_eq!(report.status, Status::Done);
    assert_eq!(*loaded.lock().unwrap(), (0..5_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn i7_aborting_does_not_wait_for_a_call_that_never_returns() {
    let plan = Plan::build("numbers").extract::<Numbers>().transform::<support::Stuck>().load::<Store>();
    let mut options = RunOptions::new(plan.outline());
    options.stages[0].batch = 10;
    let run = plan.with(Cx::new(1_000, Fates::default(), Fates::default()), options);
    let (stop, metrics) = (run.stop(), run.metrics());
    let running = tokio::spawn(run.execute());
    while metrics.extracted() < 10 {
        tokio::task::yield_now().await;
    }
    stop.abort();
    let report = running.await.unwrap();
    assert_eq!((report.status, report.records.loaded), (Status::Stopped, 0));
    assert!(report.records.conserved() && report.records.unfinished >= 10, "{:?}", report.records);
}

#[tokio::test]
async fn no_retry_begins_after_the_deadline_of_its_stage() {
    // One number in ten fails eight times; the pauses are 1 s and longer, so none is over in time.
    let report = run(10, one_in_ten(Fate::Retry(8)), |options| {
        let again = &mut options.stages[1];
        (again.retries, again.backoff, again.deadline) = (8, Duration::from_secs(1), Some(Duration::from_millis(500)));
    })
    .await;
    let error = report.failure.as_ref().unwrap();
    assert_eq!((report.status, error.attempts()), (Status::Failed, 1), "{error}");
    let report = run(10, one_in_ten(Fate::Retry(2)), |options| {
        let again = &mut options.stages[1];
        (again.retries, again.backoff, again.deadline) = (8, Duration::from_millis(1), Some(Duration::from_secs(600)));
    })
    .await;
    assert_eq!((report.status, report.records.loaded), (Status::Done, 5));
}

#[tokio::test]
async fn a_demand_that_the_source_cannot_keep_this_time_is_refused_before_a_record_moves() {
    let plan = Plan::build("numbers")
        .policy(Policy::NONE.with_delivery(Delivery::AtLeastOnce))
        .extract::<Numbers>()
        .transform::<Even>()
        .load::<Store>();
    let options = RunOptions::new(plan.outline());
    let report = plan.with(Cx::new(10, Fates::default(), Fates::default()), options).execute().await;
    let error = report.failure.as_ref().unwrap();
    assert_eq!((error.kind(), report.records.extracted), (ErrorKind::Config, 0));
    assert!(error.message().contains("`delivery: at_least_once` cannot be kept"), "{error}");
}
