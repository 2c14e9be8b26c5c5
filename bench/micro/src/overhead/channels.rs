//! Three tasks and two channels of tokio.

use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::{Job, filled, is_even, sum_of, triple};
use crate::Result;

/// Records in a channel.
const RECORDS: usize = 1_024;
/// Batches in a channel.
const BATCHES: usize = 16;

/// One message per record.
pub(super) fn per_item(runtime: &Runtime, job: Job) -> Result<u64> {
    runtime.block_on(async move {
        let (first, mut numbers) = mpsc::channel(RECORDS);
        let (second, mut kept) = mpsc::channel(RECORDS);
        tokio::spawn(async move {
            for number in 0..job.records {
                if first.send(number).await.is_err() {
                    return;
                }
            }
        });
        tokio::spawn(async move {
            while let Some(number) = numbers.recv().await {
                let tripled = triple(number);
                if is_even(&tripled) && second.send(tripled).await.is_err() {
                    return;
                }
            }
        });
        let adding = tokio::spawn(async move {
            let mut sum = 0_u64;
            while let Some(number) = kept.recv().await {
                sum = sum.wrapping_add(number);
            }
            sum
        });
        Ok(adding.await?)
    })
}

/// One message per batch.
pub(super) fn per_batch(runtime: &Runtime, job: Job) -> Result<u64> {
    runtime.block_on(async move {
        let (first, mut batches) = mpsc::channel(BATCHES);
        let (second, mut kept) = mpsc::channel(BATCHES);
        tokio::spawn(async move {
            for range in job.batches() {
                if first.send(filled(range)).await.is_err() {
                    return;
                }
            }
        });
        tokio::spawn(async move {
            while let Some(mut batch) = batches.recv().await {
                batch.iter_mut().for_each(|number| *number = triple(*number));
                batch.retain(is_even);
                if second.send(batch).await.is_err() {
                    return;
                }
            }
        });
        let adding = tokio::spawn(async move {
            let mut sum = 0_u64;
            while let Some(batch) = kept.recv().await {
                sum = sum.wrapping_add(sum_of(&batch));
            }
            sum
        });
        Ok(adding.await?)
    })
}
