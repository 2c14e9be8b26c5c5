//! rayon and renoir.

use rayon::prelude::*;
use renoir::prelude::*;

use super::{Job, fill, is_even, triple};
use crate::Result;

/// The threads are there before the clock runs.
pub(super) fn start_rayon() {
    rayon::join(|| (), || ());
}

/// One loop over each batch, on all cores; each job uses its batch again.
pub(super) fn rayon(job: Job) -> u64 {
    let batches = job.records.div_ceil(job.batch);
    let sums = (0..batches).into_par_iter().map_init(Vec::new, |batch, number| {
        fill(batch, (number * job.batch, (number * job.batch + job.batch).min(job.records)));
        let mut sum = 0_u64;
        for number in batch.iter() {
            let tripled = triple(*number);
            if is_even(&tripled) {
                sum = sum.wrapping_add(tripled);
            }
        }
        sum
    });
    sums.reduce(|| 0, u64::wrapping_add)
}

/// A source that is divided over all cores; renoir fuses the operators behind it, and sends on one sum per core.
pub(super) fn renoir(job: Job) -> Result<u64> {
    let environment = StreamContext::new_local();
    let sum = environment
        .stream_par_iter(0..job.records)
        .map(triple)
        .filter(is_even)
        .fold_assoc(0_u64, |sum, number| *sum = sum.wrapping_add(number), |sum, part| *sum = sum.wrapping_add(part))
        .collect_vec();
    environment.execute_blocking();
    sum.get().and_then(|sums| sums.first().copied()).ok_or_else(|| "renoir gave no sum".into())
}
