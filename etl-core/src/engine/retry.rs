//! The pauses between attempts: exponential, with jitter, as long as the deadline allows.
//!
//! The loops that go through them stand where an attempt is made, because what is kept for the next
//! one differs: a record ([`runners::plain`](super::runners), `asynchronous`, `filters`), a batch
//! (`runners::batches`), a transaction (`loading`), a source (`reading`).

use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use super::options::{LONGEST_BACKOFF, StageSettings};
use super::work::Stage;
use crate::sync::atomic::{AtomicI64, Ordering::Relaxed};

/// How many retries a run has left, over all of its stages: a share of its calls, and a few. However
/// many stages ask for retries, what is behind them is not called much more often than it would be.
pub(crate) struct RetryBudget {
    /// In thousandths of a retry; `None` where there is no end of them.
    share: Option<i64>,
    left: AtomicI64,
}

impl RetryBudget {
    const ONE: i64 = 1_000;
    /// So many are there in any case.
    const FEW: i64 = 10;

    pub(crate) fn new(share: Option<f64>) -> Self {
        #[allow(clippy::cast_possible_truncation, reason = "a share is at most 1")]
        let share = share.map(|share| (share * Self::ONE as f64).round() as i64);
        Self { share, left: AtomicI64::new(Self::FEW * Self::ONE) }
    }

    /// So many calls are made.
    pub(crate) fn earn(&self, calls: usize) {
        if let Some(share) = self.share {
            let calls = i64::try_from(calls).unwrap_or(i64::MAX / Self::ONE);
            self.left.fetch_add(share.saturating_mul(calls), Relaxed);
        }
    }

    fn take(&self) -> bool {
        self.share.is_none() || self.left.fetch_update(Relaxed, Relaxed, |left| (left >= Self::ONE).then_some(left - Self::ONE)).is_ok()
    }

    /// Whether no retry is left.
    pub(crate) fn is_used_up(&self) -> bool {
        self.share.is_some() && self.left.load(Relaxed) < Self::ONE
    }
}

/// When the first attempt began; the clock is read only where a deadline asks for it.
#[derive(Clone, Copy)]
pub(crate) struct Begun(Option<Instant>);

impl Begun {
    pub(crate) fn now(settings: &StageSettings) -> Self {
        Self(settings.deadline.map(|_| Instant::now()))
    }
}

/// One pause for each retry that the stage allows.
pub(crate) struct Pauses<'s> {
    budget: Option<&'s RetryBudget>,
    backoff: ExponentialBackoff,
    deadline: Option<Instant>,
}

/// The pauses between attempts, the first of which began `begun`.
pub(crate) fn pauses(stage: &Stage, begun: Begun) -> Pauses<'_> {
    Pauses { budget: Some(&stage.retry_budget), ..beyond_budget(&stage.settings, begun) }
}

/// The same for what has to be done also when the run has no retries left.
pub(crate) fn beyond_budget(settings: &StageSettings, begun: Begun) -> Pauses<'static> {
    let backoff = ExponentialBuilder::default()
        .with_jitter()
        .with_min_delay(settings.backoff)
        .with_max_delay(LONGEST_BACKOFF.max(settings.backoff))
        .with_max_times(settings.retries as usize)
        .build();
    let deadline = begun.0.zip(settings.deadline).and_then(|(begun, deadline)| begun.checked_add(deadline));
    Pauses { budget: None, backoff, deadline }
}

impl Iterator for Pauses<'_> {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let pause = self.backoff.next()?;
        let in_time = self.deadline.is_none_or(|deadline| Instant::now() + pause < deadline);
        (in_time && self.budget.is_none_or(RetryBudget::take)).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(retries: usize, budget: &RetryBudget, deadline: Option<Instant>) -> Vec<Duration> {
        let second = Duration::from_secs(1);
        let backoff =
            ExponentialBuilder::default().with_jitter().with_min_delay(second).with_max_delay(LONGEST_BACKOFF).with_max_times(retries);
        Pauses { budget: Some(budget), backoff: backoff.build(), deadline }.collect()
    }

    #[test]
    fn there_is_a_pause_for_each_retry() {
        let pauses = pauses(3, &RetryBudget::new(None), None);
        assert_eq!(pauses.len(), 3);
        assert!(pauses.iter().zip([1, 2, 4]).all(|(pause, base)| (base..=2 * base).contains(&pause.as_secs())), "{pauses:?}");
    }

    #[test]
    fn no_retry_begins_after_the_deadline() {
        let soon = Instant::now() + Duration::from_millis(500);
        assert_eq!(pauses(3, &RetryBudget::new(None), Some(soon)), []);
    }

    #[test]
    fn retries_do_not_multiply_the_load() {
        let budget = RetryBudget::new(Some(0.1));
        assert_eq!(pauses(99, &budget, None).len(), 10);
        assert!(budget.is_used_up());
        budget.earn(25);
        assert_eq!(pauses(99, &budget, None).len(), 2);
    }
}

#[cfg(all(test, etl_loom))]
mod interleavings {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    /// However calls and retries meet, there are no more retries than were earned.
    #[test]
    fn retries_are_not_spent_twice() {
        loom::model(|| {
            let budget = Arc::new(RetryBudget { share: Some(RetryBudget::ONE), left: AtomicI64::new(RetryBudget::ONE) });
            let spenders = [(); 2].map(|()| {
                let budget = Arc::clone(&budget);
                thread::spawn(move || {
                    budget.earn(1);
                    (0..2).filter(|_| budget.take()).count()
                })
            });
            let spent: usize = spenders.into_iter().map(|spender| spender.join().expect("a spender")).sum();
            let left = budget.left.load(Relaxed);
            assert!(left >= 0);
            assert_eq!(spent as i64 * RetryBudget::ONE + left, 3 * RetryBudget::ONE);
            assert!(spent >= 2, "what was earned can be spent");
        });
    }
}
