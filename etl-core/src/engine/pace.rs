//! Keeping a stage to its rate.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::contract::stage::Rate;

/// Lets records by at a rate, evenly: each waits until those before it have had their time. (The
/// generic cell rate algorithm of ATM networks, without a burst.)
#[derive(Debug)]
pub(crate) struct Pace {
    rate: Rate,
    /// When the next record may pass.
    free: Mutex<Option<Instant>>,
}

impl Pace {
    pub(crate) fn new(rate: Rate) -> Self {
        Self { rate, free: Mutex::new(None) }
    }

    /// When `records` may begin that want to pass now. Their time is taken then, whether or not
    /// they wait for it.
    pub(crate) fn reserve(&self, records: usize) -> Instant {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let begin = free.map_or(now, |free| free.max(now));
        // A time that the clock does not know is waited for as long as it takes.
        *free = Some(begin.checked_add(self.rate.time_of(records as u64)).unwrap_or(begin));
        begin
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn records_pass_at_the_rate_and_what_was_not_used_is_lost() {
        let pace = Pace::new(Rate::new(10, 1));
        let begun = Instant::now();
        assert_eq!(pace.reserve(5), begun, "nobody was before them");
        assert_eq!(pace.reserve(1), begun + Duration::from_millis(500));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(pace.reserve(1), Instant::now(), "a pause is no credit");
        assert_eq!(pace.reserve(1), Instant::now() + Duration::from_millis(100));
    }
}
