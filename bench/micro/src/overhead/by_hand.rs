//! Loops without any library.

use super::{Job, fill, filled, is_even, sum_of, triple};

/// The baseline: one loop over a batch that is used again.
pub(super) fn fused(job: Job) -> u64 {
    let mut batch = Vec::new();
    let mut sum = 0_u64;
    for range in job.batches() {
        fill(&mut batch, range);
        for number in &batch {
            let tripled = triple(*number);
            if is_even(&tripled) {
                sum = sum.wrapping_add(tripled);
            }
        }
    }
    sum
}

/// A pass over the batch per stage, in place.
pub(super) fn passes(job: Job) -> u64 {
    let mut batch = Vec::new();
    let mut sum = 0_u64;
    for range in job.batches() {
        fill(&mut batch, range);
        for number in &mut batch {
            *number = triple(*number);
        }
        batch.retain(is_even);
        sum = sum.wrapping_add(sum_of(&batch));
    }
    sum
}

/// A stage of which nobody knows what it is.
trait Stage {
    fn run(&mut self, batch: Vec<u64>) -> Vec<u64>;
}

impl<F: FnMut(Vec<u64>) -> Vec<u64>> Stage for F {
    fn run(&mut self, batch: Vec<u64>) -> Vec<u64> {
        self(batch)
    }
}

/// A `Box<dyn Stage>` per stage, called with batches.
pub(super) fn boxed_stages(job: Job) -> u64 {
    let mut stages: Vec<Box<dyn Stage>> = vec![
        Box::new(|mut batch: Vec<u64>| {
            batch.iter_mut().for_each(|number| *number = triple(*number));
            batch
        }),
        Box::new(|mut batch: Vec<u64>| {
            batch.retain(is_even);
            batch
        }),
    ];
    let mut sum = 0_u64;
    for range in job.batches() {
        let batch = stages.iter_mut().fold(filled(range), |batch, stage| stage.run(batch));
        sum = sum.wrapping_add(sum_of(&batch));
    }
    sum
}

/// A `Box<dyn Iterator>` per stage, asked for each record.
pub(super) fn boxed_iterators(job: Job) -> u64 {
    let source: Box<dyn Iterator<Item = u64>> = Box::new(0..job.records);
    let tripled: Box<dyn Iterator<Item = u64>> = Box::new(source.map(triple));
    let even: Box<dyn Iterator<Item = u64>> = Box::new(tripled.filter(is_even));
    let mut sum = 0_u64;
    for number in even {
        sum = sum.wrapping_add(number);
    }
    sum
}
