//! The pauses between attempts: exponential, with jitter, as long as the deadline allows.
//!
//! The loops that go through them stand where an attempt is made, because what is kept for the next
//! one differs: a record ([`runners::plain`](super::runners), `asynchronous`, `filters`), a batch
//! (`runners::batches`), a transaction (`loading`), a source (`reading`).

use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use super::options::{LONGEST_BACKOFF, StageSettings};

/// When the first attempt began; the clock is read only where a deadline asks for it.
#[derive(Clone, Copy)]
pub(crate) struct Begun(Option<Instant>);

impl Begun {
    pub(crate) fn now(settings: &StageSettings) -> Self {
        Self(settings.deadline.map(|_| Instant::now()))
    }
}

/// One pause for each retry that the stage allows.
pub(crate) struct Pauses {
    backoff: ExponentialBackoff,
    deadline: Option<Instant>,
}

/// The pauses between attempts, the first of which began `begun`.
pub(crate) fn pauses(settings: &StageSettings, begun: Begun) -> Pauses {
    let backoff = ExponentialBuilder::default()
        .with_jitter()
        .with_min_delay(settings.backoff)
        .with_max_delay(LONGEST_BACKOFF.max(settings.backoff))
        .with_max_times(settings.retries as usize)
        .build();
    let deadline = begun.0.zip(settings.deadline).and_then(|(begun, deadline)| begun.checked_add(deadline));
    Pauses { backoff, deadline }
}

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let pause = self.backoff.next()?;
        let in_time = self.deadline.is_none_or(|deadline| Instant::now() + pause < deadline);
        in_time.then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::stage::{Role, StageDefinition};

    fn settings(retries: u32, deadline: Option<Duration>) -> StageSettings {
        let mut settings = StageSettings::of(&StageDefinition::new("stage", Role::Transform));
        (settings.retries, settings.backoff, settings.deadline) = (retries, Duration::from_secs(1), deadline);
        settings
    }

    #[test]
    fn there_is_a_pause_for_each_retry() {
        let settings = settings(3, None);
        let pauses: Vec<_> = pauses(&settings, Begun::now(&settings)).collect();
        assert_eq!(pauses.len(), 3);
        assert!(pauses.iter().zip([1, 2, 4]).all(|(pause, base)| (base..=2 * base).contains(&pause.as_secs())), "{pauses:?}");
    }

    #[test]
    fn no_retry_begins_after_the_deadline() {
        let settings = settings(3, Some(Duration::from_millis(500)));
        assert_eq!(pauses(&settings, Begun::now(&settings)).next(), None);
    }
}
