//! Streams of the `futures` crate.

use futures::executor::block_on;
use futures::{StreamExt, future, stream};

use super::{Job, filled, is_even, sum_of, triple};

/// A stream of records; the compiler makes one loop of it.
pub(super) fn per_item(job: Job) -> u64 {
    let even = stream::iter(0..job.records).map(triple).filter(|number| future::ready(is_even(number)));
    block_on(even.fold(0_u64, |sum, number| future::ready(sum.wrapping_add(number))))
}

/// A stream of records, boxed at each stage, as it is where a function returns one.
pub(super) fn per_item_boxed(job: Job) -> u64 {
    let tripled = stream::iter(0..job.records).boxed().map(triple).boxed();
    let even = tripled.filter(|number| future::ready(is_even(number))).boxed();
    block_on(even.fold(0_u64, |sum, number| future::ready(sum.wrapping_add(number))))
}

/// A stream of batches, boxed at each stage.
pub(super) fn per_batch(job: Job) -> u64 {
    let batches = stream::iter(job.batches()).map(filled).boxed();
    let tripled = batches.map(|batch| batch.into_iter().map(triple).collect::<Vec<_>>()).boxed();
    let even = tripled
        .map(|mut batch| {
            batch.retain(is_even);
            batch
        })
        .boxed();
    block_on(even.fold(0_u64, |sum, batch| future::ready(sum.wrapping_add(sum_of(&batch)))))
}
