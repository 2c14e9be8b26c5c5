//! Work that is nearly nothing: `x * 3 + 1`, keep the even ones, add them up. What is measured is what moves the records.
//!
//! Every contestant makes its records itself, from a counter, in batches by [`fill`] where it has batches. A contestant
//! without batches makes them one by one.

mod by_hand;
mod channels;
mod ours;
mod peers;
mod spate;
mod streams;

use std::hint::black_box;

use crate::arguments::Arguments;
use crate::outcome::Outcome;
use crate::{Result, ours as framework};

/// What a contestant is asked for.
#[derive(Clone, Copy)]
struct Job {
    records: u64,
    batch: u64,
}

impl Job {
    /// The batches, each the first number of it and the first beyond it.
    fn batches(self) -> impl Iterator<Item = (u64, u64)> + Send + 'static {
        let Self { records, batch } = self;
        (0..records.div_ceil(batch)).map(move |number| (number * batch, (number * batch + batch).min(records)))
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome> {
    let job = Job { records: arguments.number("records", 50_000_000)?, batch: arguments.number("batch", 500)? };
    let timed = |work: &mut dyn FnMut() -> Result<u64>| Outcome::of(job.records, || work().map(|sum| sum.to_string()));
    let runtime = framework::runtime;
    match arguments.contestant.as_str() {
        "loop" => timed(&mut || Ok(by_hand::fused(job))),
        "passes" => timed(&mut || Ok(by_hand::passes(job))),
        "boxed-stages" => timed(&mut || Ok(by_hand::boxed_stages(job))),
        "boxed-iterators" => timed(&mut || Ok(by_hand::boxed_iterators(job))),
        "streams-item" => timed(&mut || Ok(streams::per_item(job))),
        "streams-item-boxed" => timed(&mut || Ok(streams::per_item_boxed(job))),
        "streams-batch" => timed(&mut || Ok(streams::per_batch(job))),
        "channels-item" => {
            let runtime = runtime(2)?;
            timed(&mut || channels::per_item(&runtime, job))
        }
        "channels-batch" => {
            let runtime = runtime(2)?;
            timed(&mut || channels::per_batch(&runtime, job))
        }
        "channels-batch-one-thread" => {
            let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            timed(&mut || channels::per_batch(&runtime, job))
        }
        "rayon" => {
            peers::start_rayon();
            timed(&mut || Ok(peers::rayon(job)))
        }
        "renoir" => timed(&mut || peers::renoir(job)),
        "spate" => timed(&mut || spate::run(job)),
        "ours" => {
            let runtime = runtime(1)?;
            timed(&mut || ours::split(&runtime, job))
        }
        "ours-iterator" => {
            let runtime = runtime(1)?;
            timed(&mut || ours::iterator(&runtime, job))
        }
        _ => arguments.unknown(),
    }
}

/// Makes the records of one batch, one after the other, as a source does. Nobody may know what is in it: a source and the stages
/// behind it are compiled apart.
fn fill(batch: &mut Vec<u64>, (from, to): (u64, u64)) {
    batch.clear();
    for number in from..to {
        batch.push(number);
    }
    black_box(batch);
}

fn filled(range: (u64, u64)) -> Vec<u64> {
    let mut batch = Vec::with_capacity((range.1 - range.0) as usize);
    fill(&mut batch, range);
    batch
}

/// The transform.
fn triple(number: u64) -> u64 {
    number.wrapping_mul(3).wrapping_add(1)
}

/// The filter.
fn is_even(number: &u64) -> bool {
    number.is_multiple_of(2)
}

/// The loader, where it is given a batch.
fn sum_of(batch: &[u64]) -> u64 {
    batch.iter().fold(0, |sum, number| sum.wrapping_add(*number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_contestants_agree() {
        let job = Job { records: 10_001, batch: 500 };
        let sum = by_hand::fused(job);
        let two = framework::runtime(2).unwrap();
        assert_eq!(by_hand::passes(job), sum);
        assert_eq!(by_hand::boxed_stages(job), sum);
        assert_eq!(by_hand::boxed_iterators(job), sum);
        assert_eq!(streams::per_item(job), sum);
        assert_eq!(streams::per_item_boxed(job), sum);
        assert_eq!(streams::per_batch(job), sum);
        assert_eq!(channels::per_item(&two, job).unwrap(), sum);
        assert_eq!(channels::per_batch(&two, job).unwrap(), sum);
        assert_eq!(peers::rayon(job), sum);
        assert_eq!(peers::renoir(job).unwrap(), sum);
        assert_eq!(spate::run(job).unwrap(), sum);
        assert_eq!(ours::split(&two, job).unwrap(), sum);
        assert_eq!(ours::iterator(&two, job).unwrap(), sum);
    }
}
