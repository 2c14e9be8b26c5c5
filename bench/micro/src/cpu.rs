//! Work that computes: sixteen rounds of SHA-256, about two microseconds a record, in batches.
//!
//! The loaders of all contestants that keep the order look whether they do.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, PoisonError};
use std::thread;

use etl_core::prelude::*;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::arguments::Arguments;
use crate::outcome::Outcome;
use crate::{Result, ours};

/// How often a record is hashed.
const ROUNDS: usize = 16;
/// The threads of every contestant.
const THREADS: usize = 2;
/// Batches that wait for the one that goes before them.
const WINDOW: usize = 8;

#[derive(Clone, Copy)]
struct Job {
    records: u64,
    batch: u64,
}

impl Job {
    fn batches(self) -> u64 {
        self.records.div_ceil(self.batch)
    }

    fn range(self, batch: u64) -> std::ops::Range<u64> {
        batch * self.batch..(batch * self.batch + self.batch).min(self.records)
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome> {
    let job = Job { records: arguments.number("records", 400_000)?, batch: arguments.number("batch", 500)? };
    let timed = |work: &mut dyn FnMut() -> Result<u64>| Outcome::of(job.records, || work().map(|sum| sum.to_string()));
    match arguments.contestant.as_str() {
        "counter" => timed(&mut || shared_counter(job)),
        "one-thread" => timed(&mut || Ok((0..job.records).fold(0, |sum, number| sum_with(sum, hashed(number))))),
        "threads-ordered" => timed(&mut || threads_in_order(job)),
        "rayon-par-bridge" => {
            rayon::ThreadPoolBuilder::new().num_threads(THREADS).build_global()?;
            timed(&mut || Ok(par_bridge(job)))
        }
        "ours" => {
            let runtime = ours::runtime(THREADS)?;
            timed(&mut || pipeline(&runtime, job))
        }
        _ => arguments.unknown(),
    }
}

/// What is to be done for one record: the first eight bytes of the last digest.
fn hashed(number: u64) -> u64 {
    let mut text = [0_u8; 128];
    text[..8].copy_from_slice(&number.to_le_bytes());
    for _ in 0..ROUNDS {
        let digest = Sha256::digest(text);
        text[..32].copy_from_slice(&digest);
    }
    text.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

fn sum_with(sum: u64, number: u64) -> u64 {
    sum.wrapping_add(number)
}

fn hashes_of(job: Job, batch: u64) -> Vec<u64> {
    job.range(batch).map(hashed).collect()
}

/// The baseline: threads that take the next batch by a counter, and hand nothing over.
fn shared_counter(job: Job) -> Result<u64> {
    let next = AtomicU64::new(0);
    let worker = || {
        let mut sum = 0;
        loop {
            let batch = next.fetch_add(1, Relaxed);
            if batch >= job.batches() {
                return sum;
            }
            sum = hashes_of(job, batch).into_iter().fold(sum, sum_with);
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS).map(|_| scope.spawn(worker)).collect();
        workers
            .into_iter()
            .try_fold(0, |sum, worker| worker.join().map(|part| sum_with(sum, part)).map_err(|_panic| "a thread panicked".into()))
    })
}

/// Threads behind a channel, and a map at the end of another that puts their batches in order.
fn threads_in_order(job: Job) -> Result<u64> {
    let (send, batches) = sync_channel(WINDOW);
    let (done, results) = sync_channel(WINDOW);
    let batches = Mutex::new(batches);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            let (batches, done) = (&batches, done.clone());
            scope.spawn(move || {
                loop {
                    let next = batches.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(batch) = next else { return };
                    if done.send((batch, hashes_of(job, batch))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(done);
        scope.spawn(move || (0..job.batches()).try_for_each(|batch| send.send(batch)));
        let (mut waiting, mut next, mut sum) = (BTreeMap::new(), 0, 0);
        for (batch, hashes) in results {
            waiting.insert(batch, hashes);
            while let Some(hashes) = waiting.remove(&next) {
                sum = hashes.into_iter().fold(sum, sum_with);
                next += 1;
            }
        }
        if next == job.batches() { Ok(sum) } else { Err("a batch is missing".into()) }
    })
}

/// rayon over an iterator of batches; the order is lost.
fn par_bridge(job: Job) -> u64 {
    let hashes = (0..job.batches()).par_bridge().map(|batch| hashes_of(job, batch).into_iter().fold(0, sum_with));
    hashes.reduce(|| 0, sum_with)
}

#[derive(Debug, Settings)]
pub(crate) struct Config {
    records: u64,
}

#[derive(Record, Debug)]
pub(crate) struct Number {
    value: u64,
}

#[derive(Record, Debug)]
pub(crate) struct Hash {
    number: u64,
    hash: u64,
}

static SUM: AtomicU64 = AtomicU64::new(0);
static NEXT: AtomicU64 = AtomicU64::new(0);
static IN_ORDER: AtomicBool = AtomicBool::new(true);

#[extractor]
fn numbers(config: &Config) -> impl Iterator<Item = Number> {
    (0..config.records).map(|value| Number { value })
}

#[transform(parallel)]
fn hash(number: Number) -> Hash {
    Hash { number: number.value, hash: hashed(number.value) }
}

#[loader]
fn add(hashes: &[Hash]) {
    let first = NEXT.fetch_add(hashes.len() as u64, Relaxed);
    if !hashes.iter().zip(first..).all(|(hash, number)| hash.number == number) {
        IN_ORDER.store(false, Relaxed);
    }
    let sum = hashes.iter().fold(0, |sum, hash| sum_with(sum, hash.hash));
    SUM.fetch_add(sum, Relaxed);
}

pipeline! {
    /// Hashes on all workers, and keeps the order.
    Hashing {
        settings: Config,
        flow: numbers => hash => add,
    }
}

fn pipeline(runtime: &tokio::runtime::Runtime, job: Job) -> Result<u64> {
    let batch = usize::try_from(job.batch)?;
    ours::run::<Hashing>(runtime, Config { records: job.records }, |options| {
        options.threads = THREADS;
        for stage in &mut options.stages {
            stage.batch = batch;
        }
    })?;
    if !IN_ORDER.load(Relaxed) {
        return Err("the order was lost".into());
    }
    Ok(SUM.load(Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_contestants_agree() {
        let job = Job { records: 2_001, batch: 100 };
        let sum = shared_counter(job).unwrap();
        assert_eq!(threads_in_order(job).unwrap(), sum);
        assert_eq!(par_bridge(job), sum);
        assert_eq!(pipeline(&ours::runtime(2).unwrap(), job).unwrap(), sum);
    }
}
