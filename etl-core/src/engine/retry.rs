//! The pauses between attempts: exponential, with jitter.
//!
//! The loops that go through them stand where an attempt is made, because what is kept for the next
//! one differs: a record ([`runners::plain`](super::runners), `asynchronous`, `filters`), a batch
//! (`runners::batches`), a transaction (`loading`), a source (`reading`).

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

use super::options::{LONGEST_BACKOFF, StageSettings};

/// One pause for each retry that the stage allows.
pub(crate) fn pauses(settings: &StageSettings) -> impl Iterator<Item = Duration> + Send + use<> {
    ExponentialBuilder::default()
        .with_jitter()
        .with_min_delay(settings.backoff)
        .with_max_delay(LONGEST_BACKOFF.max(settings.backoff))
        .with_max_times(settings.retries as usize)
        .build()
}
