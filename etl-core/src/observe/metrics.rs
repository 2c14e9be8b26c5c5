//! The counters of a run, added up once per stage and batch.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The counters of one run; shared by the engine, which adds, and whoever watches.
#[derive(Debug)]
pub struct Metrics {
    stages: Box<[StageMetrics]>,
    source_bytes: AtomicU64,
    /// Since when the target is away, in nanoseconds after the start and at least one; 0 where it is there.
    away_since: AtomicU64,
    started: Instant,
}

#[derive(Debug, Default)]
struct StageMetrics {
    entered: AtomicU64,
    made: AtomicU64,
    out: AtomicU64,
    filtered: AtomicU64,
    skipped: AtomicU64,
    rejected: AtomicU64,
    failed: AtomicU64,
    unfinished: AtomicU64,
    batches: AtomicU64,
    retries: AtomicU64,
    busy_nanos: AtomicU64,
    outages: AtomicU64,
    outage_nanos: AtomicU64,
}

/// What happened to the records of one stage.
///
/// At the end of a run (I3): `entered + made = out + filtered + skipped + rejected + failed +
/// unfinished`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Records that came in; for an extractor, records of the source.
    #[serde(rename = "in")]
    pub entered: u64,
    /// Outputs beyond the first of an input.
    pub made: u64,
    /// Records that went on; for a loader, records that are in the target.
    pub out: u64,
    /// Records left out on purpose.
    pub filtered: u64,
    /// Records whose error was of class skip.
    pub skipped: u64,
    /// Records that went to the dead letters.
    pub rejected: u64,
    /// Records that stopped the run.
    pub failed: u64,
    /// Records read but not committed when the run stopped.
    pub unfinished: u64,
}

impl Counts {
    /// Adds `other` to this.
    pub fn add(&mut self, other: &Self) {
        self.entered += other.entered;
        self.made += other.made;
        self.out += other.out;
        self.filtered += other.filtered;
        self.skipped += other.skipped;
        self.rejected += other.rejected;
        self.failed += other.failed;
        self.unfinished += other.unfinished;
    }

    /// Whether every record that came in has exactly one fate (I3).
    #[must_use]
    pub const fn conserved(&self) -> bool {
        self.entered + self.made == self.out + self.filtered + self.skipped + self.rejected + self.failed + self.unfinished
    }

    /// Records that count against the error threshold.
    #[must_use]
    pub const fn errors(&self) -> u64 {
        self.skipped + self.rejected + self.failed
    }
}

/// One stage at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageSnapshot {
    /// The records.
    pub counts: Counts,
    /// Calls of the function on a batch; for record functions, batches worked through.
    pub batches: u64,
    /// Calls that were repeated.
    pub retries: u64,
    /// The time spent in the stage, summed over workers.
    pub busy: Duration,
    /// How often it was waited for a target that was still away when the tries of a batch were used up.
    pub outages: u64,
    /// How long, all those that are over together.
    pub outage: Duration,
}

impl Metrics {
    /// All zero, for so many stages.
    #[must_use]
    pub fn new(stages: usize) -> Self {
        Self {
            stages: (0..stages).map(|_| StageMetrics::default()).collect(),
            source_bytes: AtomicU64::new(0),
            away_since: AtomicU64::new(0),
            started: Instant::now(),
        }
    }

    /// How long the run has lasted.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// How many bytes of the source have been read.
    #[must_use]
    pub fn source_bytes(&self) -> u64 {
        self.source_bytes.load(Relaxed)
    }

    /// How long the target has been away, while it is waited for.
    #[must_use]
    pub fn away(&self) -> Option<Duration> {
        let since = self.away_since.load(Relaxed);
        (since > 0).then(|| self.elapsed().saturating_sub(Duration::from_nanos(since)))
    }

    /// How many records have been taken from the source.
    #[must_use]
    pub fn extracted(&self) -> u64 {
        self.stages.first().map_or(0, |stage| stage.entered.load(Relaxed))
    }

    /// How many records count against the error threshold.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.stages.iter().map(|s| s.skipped.load(Relaxed) + s.rejected.load(Relaxed) + s.failed.load(Relaxed)).sum()
    }

    /// The stages now, in the order of the pipeline's outline.
    #[must_use]
    pub fn snapshot(&self) -> Vec<StageSnapshot> {
        self.stages
            .iter()
            .map(|stage| StageSnapshot {
                counts: Counts {
                    entered: stage.entered.load(Relaxed),
                    made: stage.made.load(Relaxed),
                    out: stage.out.load(Relaxed),
                    filtered: stage.filtered.load(Relaxed),
                    skipped: stage.skipped.load(Relaxed),
                    rejected: stage.rejected.load(Relaxed),
                    failed: stage.failed.load(Relaxed),
                    unfinished: stage.unfinished.load(Relaxed),
                },
                batches: stage.batches.load(Relaxed),
                retries: stage.retries.load(Relaxed),
                busy: Duration::from_nanos(stage.busy_nanos.load(Relaxed)),
                outages: stage.outages.load(Relaxed),
                outage: Duration::from_nanos(stage.outage_nanos.load(Relaxed)),
            })
            .collect()
    }

    pub(crate) fn read_bytes(&self, bytes: u64) {
        self.source_bytes.fetch_add(bytes, Relaxed);
    }

    pub(crate) fn add(&self, stage: usize, counts: &Counts, retries: u64, batches: u64, busy: Duration) {
        // Most are zero, and an atomic addition costs more than a look.
        let add = |counter: &AtomicU64, count: u64| {
            if count > 0 {
                counter.fetch_add(count, Relaxed);
            }
        };
        let metrics = &self.stages[stage];
        add(&metrics.entered, counts.entered);
        add(&metrics.made, counts.made);
        add(&metrics.out, counts.out);
        add(&metrics.filtered, counts.filtered);
        add(&metrics.skipped, counts.skipped);
        add(&metrics.rejected, counts.rejected);
        add(&metrics.failed, counts.failed);
        add(&metrics.unfinished, counts.unfinished);
        add(&metrics.retries, retries);
        add(&metrics.batches, batches);
        add(&metrics.busy_nanos, nanos(busy));
    }

    /// The target of stage `stage` is away, and is waited for. `false` where it is by others already.
    pub(crate) fn open(&self, stage: usize) -> bool {
        let now = nanos(self.elapsed()).max(1);
        let is_first = self.away_since.compare_exchange(0, now, Relaxed, Relaxed).is_ok();
        self.stages[stage].outages.fetch_add(u64::from(is_first), Relaxed);
        is_first
    }

    /// It is not any more; says for how long it was, to the first who says so.
    pub(crate) fn close(&self, stage: usize) -> Option<Duration> {
        let since = self.away_since.swap(0, Relaxed);
        let away = self.elapsed().saturating_sub(Duration::from_nanos(since));
        (since > 0).then(|| {
            self.stages[stage].outage_nanos.fetch_add(nanos(away), Relaxed);
            away
        })
    }

    /// Rejected records are not known to be in the dead letters, so they are not rejected yet.
    pub(crate) fn unreject(&self) {
        for stage in &self.stages {
            let rejected = stage.rejected.swap(0, Relaxed);
            stage.unfinished.fetch_add(rejected, Relaxed);
        }
    }

    /// Committed records are gone with an output that was never published.
    pub(crate) fn unload(&self, loader: usize) {
        let metrics = &self.stages[loader];
        let loaded = metrics.out.swap(0, Relaxed);
        metrics.unfinished.fetch_add(loaded, Relaxed);
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(all(test, etl_loom))]
mod interleavings {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    fn batch(skipped: u64) -> Counts {
        Counts { entered: 3, out: 3 - skipped, skipped, ..Counts::default() }
    }

    /// I3: whatever workers add at the same time, every record has one fate in the end.
    #[test]
    fn nothing_is_added_in_vain() {
        loom::model(|| {
            let metrics = Arc::new(Metrics::new(1));
            let workers = [0, 2].map(|skipped| {
                let metrics = Arc::clone(&metrics);
                thread::spawn(move || metrics.add(0, &batch(skipped), 1, 1, Duration::ZERO))
            });
            let before = metrics.extracted();
            workers.into_iter().for_each(|worker| worker.join().expect("a worker"));
            let [stage] = metrics.snapshot()[..] else { unreachable!("one stage") };
            assert!(stage.counts.conserved() && before <= metrics.extracted());
            assert_eq!((stage.counts.entered, stage.counts.out, stage.counts.skipped), (6, 4, 2));
            assert_eq!((stage.batches, stage.retries, metrics.errors()), (2, 2, 2));
        });
    }

    /// A threshold that is passed is seen, at the latest by who looks when all workers are done. While they
    /// work, two of them may each miss the error that the other has just added.
    #[test]
    fn errors_are_seen_by_who_looks_last() {
        loom::model(|| {
            let metrics = Arc::new(Metrics::new(2));
            let workers = [0, 1].map(|stage| {
                let metrics = Arc::clone(&metrics);
                thread::spawn(move || {
                    metrics.add(stage, &batch(1), 0, 1, Duration::ZERO);
                    metrics.errors()
                })
            });
            for worker in workers {
                assert!((1..=2).contains(&worker.join().expect("a worker")), "each sees its own");
            }
            assert_eq!(metrics.errors(), 2);
        });
    }
}
