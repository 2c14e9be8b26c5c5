//! Memory that a run takes: over streams of more and more records, before a target that is slow, and with records so wide that
//! the budget is what bounds them.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use etl_core::guarantee::Ephemeral;
use etl_core::position::Position;
use etl_core::prelude::*;
use etl_core::source::{BoxChunk, Chunk, Decoded, Origin, Source, SourceInfo, Wanted};
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::arguments::Arguments;
use crate::outcome::Outcome;
use crate::{Result, ours};

/// The threads of every run.
const THREADS: usize = 2;

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome> {
    let config = Config {
        records: arguments.number("records", 2_000_000)?,
        width: arguments.number("width", 0)?,
        pause: arguments.number("pause-us", 0)?,
    };
    let records = config.records;
    let memory: u64 = arguments.number("memory-mib", 256)?;
    let runtime = ours::runtime(THREADS)?;
    Outcome::of(records, || {
        let budget = |options: &mut etl_core::engine::RunOptions| options.memory = memory << 20;
        match arguments.contestant.as_str() {
            "stream" => ours::run::<Narrow>(&runtime, config, budget)?,
            "wide" => ours::run::<Wide>(&runtime, config, budget)?,
            "wide-iterator" => ours::run::<WideIterated>(&runtime, config, budget)?,
            _ => return arguments.unknown(),
        }
        Ok(format!("{} records, {}", RECORDS.load(Relaxed), SUM.load(Relaxed)))
    })
}

#[derive(Debug, Settings)]
pub(crate) struct Config {
    records: u64,
    /// Bytes of a record.
    width: usize,
    /// Microseconds that the target takes for a batch.
    pause: u64,
}

#[derive(Record, Debug)]
pub(crate) struct Number {
    value: u64,
}

#[derive(Record, Debug)]
pub(crate) struct Text {
    number: u64,
    text: String,
}

static RECORDS: AtomicU64 = AtomicU64::new(0);
static SUM: AtomicU64 = AtomicU64::new(0);

fn load(records: u64, sum: u64, config: &Config) {
    if config.pause > 0 {
        std::thread::sleep(Duration::from_micros(config.pause));
    }
    RECORDS.fetch_add(records, Relaxed);
    SUM.fetch_add(sum, Relaxed);
}

#[extractor]
fn numbers(config: &Config) -> impl Iterator<Item = Number> {
    (0..config.records).map(|value| Number { value })
}

#[transform(parallel)]
fn next(number: Number) -> Number {
    Number { value: number.value + 1 }
}

#[loader]
fn count(numbers: &[Number], config: &Config) {
    let sum = numbers.iter().fold(0_u64, |sum, number| sum.wrapping_add(number.value));
    load(numbers.len() as u64, sum, config);
}

pipeline! {
    /// A stream of numbers.
    Narrow {
        settings: Config,
        flow: numbers => next => count,
    }
}

#[extractor]
fn texts(config: &Config) -> Texts {
    Texts { next: 0, end: config.records, width: config.width }
}

#[extractor]
fn iterated_texts(config: &Config) -> impl Iterator<Item = Text> {
    let width = config.width;
    (0..config.records).map(move |number| text(number, width))
}

#[transform(parallel)]
fn shout(mut text: Text) -> Text {
    text.text.make_ascii_uppercase();
    text
}

#[loader]
fn measure(texts: &[Text], config: &Config) {
    let sum = texts.iter().fold(0_u64, |sum, text| sum.wrapping_add(text.number).wrapping_add(text.text.len() as u64));
    load(texts.len() as u64, sum, config);
}

pipeline! {
    /// A stream of texts, from a source that says how large its chunks are.
    Wide {
        settings: Config,
        flow: texts => shout => measure,
    }
}

pipeline! {
    /// A stream of texts, from an iterator.
    WideIterated {
        settings: Config,
        flow: iterated_texts => shout => measure,
    }
}

fn text(number: u64, width: usize) -> Text {
    Text { number, text: "x".repeat(width) }
}

/// Reads texts as a connector reads lines: the bytes are there when the chunk is, and the chunk says how many.
pub(crate) struct Texts {
    next: u64,
    end: u64,
    width: usize,
}

impl Source for Texts {
    type Record = Text;
    type Class = Ephemeral;

    fn info(&self) -> SourceInfo {
        SourceInfo::named("texts")
    }

    fn read(&mut self, wanted: Wanted) -> BoxFuture<'_, etl_core::Result<Option<BoxChunk<Text>>>> {
        async move {
            let from = self.next;
            let records = wanted.records.min(wanted.bytes / (self.width + size_of::<Text>())).max(1);
            self.next = self.end.min(from + records as u64);
            let texts: Vec<_> = (from..self.next).map(|number| text(number, self.width)).collect();
            Ok((!texts.is_empty()).then(|| Box::new(Lines { texts, first: from }) as BoxChunk<Text>))
        }
        .boxed()
    }
}

struct Lines {
    texts: Vec<Text>,
    first: u64,
}

impl Chunk<Text> for Lines {
    fn bytes(&self) -> usize {
        self.texts.iter().map(|text| text.text.capacity() + size_of::<Text>()).sum()
    }

    fn decode(self: Box<Self>) -> Decoded<Text> {
        Decoded { records: self.texts, inputs: None, malformed: Vec::new(), origin: Arc::new(First(self.first)) }
    }
}

struct First(u64);

impl Origin for First {
    fn position(&self, index: u32) -> Position {
        Position { partition: Arc::from("texts"), ordinal: self.0 + u64::from(index), byte: None, line: None }
    }

    fn payload(&self, _index: u32) -> Option<Cow<'_, [u8]>> {
        None
    }
}
