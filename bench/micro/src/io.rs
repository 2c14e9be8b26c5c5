//! Work that waits: every record sleeps five milliseconds, so many of them at a time; where latencies are skewed, one in twenty
//! sleeps fifty.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use etl_core::prelude::*;
use futures::{StreamExt, stream};
use tokio::runtime::Runtime;

use crate::arguments::Arguments;
use crate::outcome::Outcome;
use crate::{Result, ours};

/// The threads of the runtime of every contestant.
const THREADS: usize = 2;

#[derive(Clone, Copy)]
struct Job {
    records: u64,
    concurrency: usize,
    skewed: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome> {
    let job = Job {
        records: arguments.number("records", 20_000)?,
        concurrency: arguments.number("concurrency", 64)?,
        skewed: arguments.number("skewed", 0_u8)? != 0,
    };
    let runtime = ours::runtime(THREADS)?;
    let timed = |work: &mut dyn FnMut() -> Result<u64>| Outcome::of(job.records, || work().map(|sum| sum.to_string()));
    match arguments.contestant.as_str() {
        "buffered" => timed(&mut || Ok(buffered(&runtime, job))),
        "buffer-unordered" => timed(&mut || Ok(buffer_unordered(&runtime, job))),
        "ours" => timed(&mut || pipeline(&runtime, job)),
        _ => arguments.unknown(),
    }
}

/// What is awaited for one record.
async fn answer(number: u64, skewed: bool) -> u64 {
    // Mixed, so that the slow ones do not come at even distances.
    let slow = skewed && number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32 & 0xffff < 0x1_0000 / 20;
    tokio::time::sleep(Duration::from_millis(if slow { 50 } else { 5 })).await;
    number * 2
}

/// The baseline; it keeps the order.
fn buffered(runtime: &Runtime, job: Job) -> u64 {
    let answers = stream::iter(0..job.records).map(|number| answer(number, job.skewed)).buffered(job.concurrency);
    runtime.block_on(answers.fold(0_u64, |sum, answer| async move { sum.wrapping_add(answer) }))
}

/// As the baseline, but the order is lost.
fn buffer_unordered(runtime: &Runtime, job: Job) -> u64 {
    let answers = stream::iter(0..job.records).map(|number| answer(number, job.skewed)).buffer_unordered(job.concurrency);
    runtime.block_on(answers.fold(0_u64, |sum, answer| async move { sum.wrapping_add(answer) }))
}

#[derive(Debug, Settings)]
pub(crate) struct Config {
    records: u64,
    skewed: bool,
}

#[derive(Record, Debug)]
pub(crate) struct Question {
    number: u64,
}

#[derive(Record, Debug)]
pub(crate) struct Answer {
    number: u64,
    answer: u64,
}

static SUM: AtomicU64 = AtomicU64::new(0);
static NEXT: AtomicU64 = AtomicU64::new(0);
static IN_ORDER: AtomicBool = AtomicBool::new(true);

#[extractor]
fn questions(config: &Config) -> impl Iterator<Item = Question> {
    (0..config.records).map(|number| Question { number })
}

#[transform(concurrency = 64)]
async fn ask_64(question: Question, config: &Config) -> Answer {
    Answer { number: question.number, answer: answer(question.number, config.skewed).await }
}

#[transform(concurrency = 256)]
async fn ask_256(question: Question, config: &Config) -> Answer {
    Answer { number: question.number, answer: answer(question.number, config.skewed).await }
}

#[loader]
fn add(answers: &[Answer]) {
    let first = NEXT.fetch_add(answers.len() as u64, Relaxed);
    if !answers.iter().zip(first..).all(|(answer, number)| answer.number == number) {
        IN_ORDER.store(false, Relaxed);
    }
    let sum = answers.iter().fold(0_u64, |sum, answer| sum.wrapping_add(answer.answer));
    SUM.fetch_add(sum, Relaxed);
}

pipeline! {
    /// Asks 64 at a time.
    Asking64 {
        settings: Config,
        flow: questions => ask_64 => add,
    }
}

pipeline! {
    /// Asks 256 at a time.
    Asking256 {
        settings: Config,
        flow: questions => ask_256 => add,
    }
}

fn pipeline(runtime: &Runtime, job: Job) -> Result<u64> {
    let config = Config { records: job.records, skewed: job.skewed };
    match job.concurrency {
        64 => ours::run::<Asking64>(runtime, config, |_options| {})?,
        256 => ours::run::<Asking256>(runtime, config, |_options| {})?,
        other => return Err(format!("there is no pipeline that asks {other} at a time").into()),
    }
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
        let runtime = ours::runtime(2).unwrap();
        let job = Job { records: 501, concurrency: 64, skewed: true };
        let sum = buffered(&runtime, job);
        assert_eq!(buffer_unordered(&runtime, job), sum);
        assert_eq!(pipeline(&runtime, job).unwrap(), sum);
    }
}
