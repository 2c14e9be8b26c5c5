//! I3: over random mixes of errors, delays, batch sizes and parallelism every record has exactly one
//! fate, and what is loaded is what a plain loop makes of the same records, in the order of the
//! source unless a stage gives it up; and no run stands still.

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use etl_core::ErrorKind;
use etl_core::engine::RunOptions;
use etl_core::observe::report::{Report, Status};
use etl_core::wiring::Plan;
use proptest::prelude::*;
use support::{Again, AgainCloned, Awaited, Batched, Cx, Delays, Even, Fate, Fates, Numbers, Once, Racing, Store, Trickle};

/// Which stages stand between source and target, and how the run is set.
#[derive(Clone, Debug)]
struct Shape {
    /// Whether the source makes wait.
    trickles: bool,
    stages: Vec<u8>,
    travelling: usize,
    batch: usize,
    load_batch: usize,
    threads: usize,
    concurrency: usize,
    memory: u64,
    delays: Option<Delays>,
}

impl Shape {
    fn is_ordered(&self) -> bool {
        !self.stages.contains(&RACING)
    }
}

/// The stage that hands on whatever is done first.
const RACING: u8 = 6;

fn plan(shape: &Shape) -> Plan<Cx> {
    let numbers = Plan::build("numbers");
    let mut flow = if shape.trickles { numbers.extract::<Trickle>() } else { numbers.extract::<Numbers>() };
    for stage in &shape.stages {
        flow = match stage {
            0 => flow.transform::<Once>(),
            1 => flow.transform::<Again>(),
            2 => flow.transform::<AgainCloned>(),
            3 => flow.transform::<Awaited>(),
            4 => flow.transform::<Batched>(),
            5 => flow.transform::<Even>(),
            _ => flow.transform::<Racing>(),
        };
    }
    flow.load::<Store>()
}

/// Runs and gives back the report and what was loaded, in order.
fn run(shape: &Shape, count: u64, fates: &Fates, load_fates: &Fates, dead_letters: bool) -> (Report, Vec<u64>, Option<String>) {
    let runtime = match shape.delays {
        // What waits for time passes at once, when nothing else is left to do.
        Some(_) => tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap(),
        None => tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap(),
    };
    let plan = plan(shape);
    let mut options = RunOptions::new(plan.outline());
    // Here more fails than goes well.
    options.retry_budget = None;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rejects.jsonl");
    options.dead_letter = dead_letters.then(|| path.clone());
    options.threads = shape.threads;
    options.memory = shape.memory;
    let last = options.stages.len() - 1;
    for (index, stage) in options.stages.iter_mut().enumerate() {
        stage.batch = if index == 0 {
            shape.travelling
        } else if index == last {
            shape.load_batch
        } else {
            shape.batch
        };
        stage.concurrency = shape.concurrency;
    }
    let mut context = Cx::new(count, fates.clone(), load_fates.clone());
    context.delays = shape.delays;
    let loaded = Arc::clone(&context.loaded);
    let _watched = Watch::over(shape, Arc::clone(&context.steps));
    let report = runtime.block_on(plan.with(context, options).execute());
    let loaded = loaded.lock().unwrap().clone();
    (report, loaded, std::fs::read_to_string(path).ok())
}

/// Ends the process when a run stands still: no stage has done anything for long. Time itself is no
/// excuse, because it is paused where a stage waits for it.
struct Watch(Option<std::sync::mpsc::Sender<()>>, Option<std::thread::JoinHandle<()>>);

impl Watch {
    const LONG: Duration = Duration::from_secs(30);

    fn over(shape: &Shape, steps: Arc<AtomicU64>) -> Self {
        let shape = format!("{shape:?}");
        let (alive, ended) = std::sync::mpsc::channel();
        let watch = std::thread::spawn(move || {
            let mut seen = 0;
            while ended.recv_timeout(Self::LONG) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                let now = steps.load(Ordering::Relaxed);
                if now == seen {
                    eprintln!("a deadlock after {now} steps: {shape}");
                    std::process::abort();
                }
                seen = now;
            }
        });
        Self(Some(alive), Some(watch))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.0.take());
        if let Some(watch) = self.1.take() {
            let _ended = watch.join();
        }
    }
}

fn shapes() -> impl Strategy<Value = Shape> {
    let stages = proptest::collection::vec(0..=RACING, 0..4);
    let sizes = (1..300_usize, 1..40_usize, 1..120_usize, 1..4_usize, 1..9_usize, 1..20_000_u64);
    let delays = proptest::option::of(any::<u64>().prop_map(|seed| Delays { seed }));
    (stages, sizes, any::<bool>(), delays).prop_map(
        |(stages, (travelling, batch, load_batch, threads, concurrency, memory), trickles, delays)| Shape {
            trickles,
            stages,
            travelling,
            batch,
            load_batch,
            threads,
            concurrency,
            memory,
            delays,
        },
    )
}

fn fates(fates: impl Strategy<Value = Fate>) -> impl Strategy<Value = Fates> {
    (3..50_u64, proptest::collection::vec((0..50_u64, fates), 0..5))
        .prop_map(|(modulus, by_remainder)| Fates { modulus, by_remainder: by_remainder.into_iter().collect() })
}

fn survivable() -> impl Strategy<Value = Fate> {
    prop_oneof![
        Just(Fate::Skip),
        Just(Fate::Reject),
        Just(Fate::Filter),
        (1..3_u32).prop_map(Fate::Retry),
        (0..4_u64).prop_map(Fate::Expand)
    ]
}

fn assert_conserved(report: &Report) {
    for stage in &report.stages {
        assert!(stage.counts.conserved(), "{stage:?}");
    }
    for pair in report.stages.windows(2) {
        assert_eq!(pair[0].counts.out, pair[1].counts.entered, "{:?}", report.stages);
    }
    assert!(report.records.conserved(), "{:?}", report.records);
}

/// What a plain loop makes of the same records.
fn model(stages: &[u8], count: u64, fates: &Fates, load_fates: &Fates) -> Vec<u64> {
    let mut records: Vec<u64> = (0..count).collect();
    for stage in stages {
        records = records
            .into_iter()
            .flat_map(|number| match (stage, fates.of(number)) {
                // A stage that takes its record by value has no retries, so here it never sees one.
                (5, _) => {
                    if number % 2 == 0 {
                        vec![number]
                    } else {
                        vec![]
                    }
                }
                (_, None | Some(Fate::Retry(_))) => vec![number],
                (_, Some(Fate::Expand(many))) => vec![number; many as usize],
                (_, Some(_)) => vec![],
            })
            .collect();
    }
    records.retain(|number| !matches!(load_fates.of(*number), Some(Fate::Skip | Fate::Reject)));
    records
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn i3_every_record_has_one_fate_and_the_order_is_kept_whatever_takes_how_long(
        shape in shapes(),
        count in 0..1_500_u64,
        fates in fates(survivable()),
        load_fates in fates(prop_oneof![Just(Fate::Skip), Just(Fate::Reject), Just(Fate::Retry(1))]),
    ) {
        // Stages without retries would fail on a retry: that is another test.
        let fates = if shape.stages.iter().any(|stage| matches!(stage, 0 | 4)) {
            Fates { by_remainder: fates.by_remainder.into_iter().filter(|(_, fate)| !matches!(fate, Fate::Retry(_))).collect(), ..fates }
        } else {
            fates
        };
        let load_fates = Fates {
            // One record of a batch that is retried makes the whole batch be tried again, so that
            // more than three such records would use up its retries.
            by_remainder: load_fates.by_remainder.into_iter().filter(|(_, fate)| !matches!(fate, Fate::Retry(_)) || shape.load_batch < 3).collect(),
            ..load_fates
        };
        let (report, mut loaded, letters) = run(&shape, count, &fates, &load_fates, true);
        prop_assert_eq!(report.status, Status::Done, "{:?}", report.failure);
        assert_conserved(&report);
        prop_assert_eq!(report.records.extracted, count);
        prop_assert_eq!(report.records.unfinished, 0);
        prop_assert_eq!(report.records.loaded, loaded.len() as u64);
        prop_assert_eq!(letters.map_or(0, |letters| letters.lines().count() as u64), report.records.rejected);
        if !shape.is_ordered() {
            loaded.sort_unstable();
        }
        prop_assert_eq!(loaded, model(&shape.stages, count, &fates, &load_fates));
    }

    #[test]
    fn i3_holds_when_the_run_fails(
        shape in shapes(),
        count in 1..3_000_u64,
        fates in fates(prop_oneof![survivable(), Just(Fate::Fail), Just(Fate::Panic), Just(Fate::Retry(99))]),
        load_fates in fates(prop_oneof![Just(Fate::Skip), Just(Fate::Fail), Just(Fate::Retry(99))]),
    ) {
        let (report, loaded, letters) = run(&shape, count, &fates, &load_fates, true);
        assert_conserved(&report);
        prop_assert_eq!(report.records.loaded, loaded.len() as u64);
        prop_assert_eq!(letters.map_or(0, |letters| letters.lines().count() as u64), report.records.rejected);
        if report.status == Status::Failed {
            prop_assert!(report.failure.is_some());
            prop_assert_ne!(report.failure.as_ref().map(etl_core::Error::kind), Some(ErrorKind::Conservation));
        } else {
            prop_assert_eq!(report.records.unfinished, 0);
        }
    }
}

fn one_fate(fate: Fate) -> Fates {
    Fates { modulus: 10, by_remainder: BTreeMap::from([(3, fate)]) }
}

fn shape(stages: &[u8]) -> Shape {
    Shape {
        trickles: false,
        stages: stages.to_vec(),
        travelling: 256,
        batch: 64,
        load_batch: 100,
        threads: 2,
        concurrency: 8,
        memory: 1 << 20,
        delays: None,
    }
}

#[test]
fn without_dead_letters_a_rejection_stops_the_run() {
    let (report, _, _) = run(&shape(&[0]), 1_000, &one_fate(Fate::Reject), &Fates::default(), false);
    assert_eq!(report.status, Status::Failed);
    let error = report.failure.unwrap();
    assert_eq!(error.to_string(), "stage `once`, memory record 3: as the number asked");
    assert!(error.advice().unwrap().contains("dead_letter"), "{error:?}");
}

#[test]
fn i8_a_panic_is_reported_by_its_place_and_never_by_its_text() {
    let (report, _, _) = run(&shape(&[1]), 1_000, &one_fate(Fate::Panic), &Fates::default(), true);
    let error = report.failure.unwrap();
    assert_eq!(error.kind(), ErrorKind::Panicked);
    assert!(error.message().starts_with("panicked at ") && error.message().contains("support/mod.rs"), "{error}");
    assert!(!format!("{error:?}{:?}", report.error).contains("secret"));
}

#[test]
fn retries_that_are_used_up_stop_the_run_and_never_dead_letter() {
    for stage in [1, 2, 3] {
        let (report, _, letters) = run(&shape(&[stage]), 100, &one_fate(Fate::Retry(99)), &Fates::default(), true);
        let error = report.failure.unwrap();
        assert_eq!(error.attempts(), 4, "{error:?}");
        assert_eq!(report.records.rejected, 0);
        assert_eq!(letters, None, "an empty file is removed");
    }
}
