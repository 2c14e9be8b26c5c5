//! The framework, with all metrics on, and spans to which nobody subscribes.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use etl_core::engine::RunOptions;
use etl_core::guarantee::Ephemeral;
use etl_core::position::Position;
use etl_core::prelude::*;
use etl_core::source::{BoxChunk, Chunk, Decoded, Origin, Source, SourceInfo, Wanted};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::runtime::Runtime;

use super::Job;
use crate::{Result, ours};

#[derive(Debug, Settings)]
pub(crate) struct Config {
    records: u64,
}

#[derive(Record, Debug)]
pub(crate) struct Number {
    value: u64,
}

/// What the loader has added up.
static SUM: AtomicU64 = AtomicU64::new(0);

/// The source that comes to mind first.
#[extractor]
fn counted(config: &Config) -> impl Iterator<Item = Number> {
    (0..config.records).map(|value| Number { value })
}

/// The source for speed: its records are made by the workers.
#[extractor]
fn split_count(config: &Config) -> Counter {
    Counter { next: 0, end: config.records }
}

#[transform(parallel)]
fn triple(number: Number) -> Number {
    Number { value: super::triple(number.value) }
}

#[filter]
fn even(number: &Number) -> bool {
    super::is_even(&number.value)
}

#[loader]
fn add(numbers: &[Number]) {
    let sum = numbers.iter().fold(0_u64, |sum, number| sum.wrapping_add(number.value));
    SUM.fetch_add(sum, Relaxed);
}

pipeline! {
    /// With an iterator for a source.
    Iterated {
        settings: Config,
        flow: counted => triple => even => add,
    }
}

pipeline! {
    /// With a source that is split.
    Split {
        settings: Config,
        flow: split_count => triple => even => add,
    }
}

/// With a source that is split.
pub(super) fn split(runtime: &Runtime, job: Job) -> Result<u64> {
    run::<Split>(runtime, job)
}

/// With an iterator for a source.
pub(super) fn iterator(runtime: &Runtime, job: Job) -> Result<u64> {
    run::<Iterated>(runtime, job)
}

fn run<P: etl_core::Pipeline<Settings = Config>>(runtime: &Runtime, job: Job) -> Result<u64> {
    SUM.store(0, Relaxed);
    let batch = usize::try_from(job.batch)?;
    ours::run::<P>(runtime, Config { records: job.records }, |options: &mut RunOptions| {
        options.threads = 1;
        for stage in &mut options.stages {
            stage.batch = batch;
        }
    })?;
    Ok(SUM.load(Relaxed))
}

/// Counts from `next` to `end`.
pub(crate) struct Counter {
    next: u64,
    end: u64,
}

impl Source for Counter {
    type Record = Number;
    type Class = Ephemeral;

    fn info(&self) -> SourceInfo {
        SourceInfo::named("counter")
    }

    fn never_blocks(&self) -> bool {
        true
    }

    fn read(&mut self, wanted: Wanted) -> BoxFuture<'_, etl_core::Result<Option<BoxChunk<Number>>>> {
        let from = self.next;
        self.next = self.end.min(from + wanted.records as u64);
        let chunk = Range { from, to: self.next };
        async move { Ok((chunk.from < chunk.to).then(|| Box::new(chunk) as BoxChunk<Number>)) }.boxed()
    }
}

/// Numbers that are still to be made; of a record, all that is known is its number.
#[derive(Clone, Copy)]
struct Range {
    from: u64,
    to: u64,
}

impl Chunk<Number> for Range {
    fn bytes(&self) -> usize {
        (self.to - self.from) as usize * size_of::<Number>()
    }

    fn decode(self: Box<Self>) -> Decoded<Number> {
        self.decode_into(Vec::new())
    }

    fn decode_into(self: Box<Self>, mut records: Vec<Number>) -> Decoded<Number> {
        records.reserve((self.to - self.from) as usize);
        // As `fill` makes them.
        for value in self.from..self.to {
            records.push(Number { value });
        }
        Decoded { records, inputs: None, malformed: Vec::new(), origin: Arc::new(*self) }
    }
}

impl Origin for Range {
    fn position(&self, index: u32) -> Position {
        Position { partition: Arc::from("counter"), ordinal: self.from + u64::from(index), byte: None, line: None }
    }

    fn payload(&self, _index: u32) -> Option<Cow<'_, [u8]>> {
        None
    }
}
