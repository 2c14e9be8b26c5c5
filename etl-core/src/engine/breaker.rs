//! A circuit breaker before a loader's target: what comes behind the retries of a batch, where an
//! `outage` is allowed.
//!
//! When the tries of a batch are used up by errors of class retry, the breaker opens. The batch is kept,
//! and with it all that waits behind it, so nothing is read further than memory allows. After each pause
//! there is one trial. The first that succeeds closes the breaker; when the outage has lasted longer than
//! it may, the run ends as if there had been none.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::options::LONGEST_BACKOFF;
use super::retry::{Begun, Pauses, pauses};
use super::work::Stage;
use crate::contract::error::Error;

/// The tries of one batch, and the trials behind them.
pub(super) struct Tries<'s> {
    stage: &'s Stage,
    pauses: Pauses<'s>,
    /// How often the batch has been tried, with the attempt that is under way.
    pub(super) attempts: u32,
    open: Option<Open<'s>>,
    /// How long it was waited for a target that did not come back.
    in_vain: Option<Duration>,
}

/// Longer than anybody waits, and within what clocks can count.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// What comes after an attempt that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The next attempt.
    Attempt,
    /// An attempt that finds out whether a target is back.
    Trial,
    /// Nothing: the tries are used up.
    Over,
    /// Nothing: the run was stopped while the target was away.
    GivenUp,
}

impl<'s> Tries<'s> {
    /// The first attempt begins now.
    pub(super) fn new(stage: &'s Stage) -> Self {
        Self { stage, pauses: pauses(stage, Begun::now(&stage.settings)), attempts: 1, open: None, in_vain: None }
    }

    /// Waits before the next attempt, after one that ended in `error`, which is of class retry.
    pub(super) async fn next(&mut self, error: &Error, target: Cow<'_, str>) -> Next {
        let stage = self.stage;
        let open = match &mut self.open {
            Some(open) => open,
            None => {
                if let Some(pause) = self.pauses.next() {
                    if stage.abort.is_cancelled() {
                        return Next::GivenUp;
                    }
                    stage.pause(pause).await;
                    self.attempts += 1;
                    return Next::Attempt;
                }
                // What may not be tried again may not be tried on trial either.
                let Some(outage) = stage.settings.outage.filter(|_| stage.settings.retries > 0) else { return Next::Over };
                // Who is about to stop does not begin to wait; nor does it fail where others wait already.
                if stage.drain.is_cancelled() {
                    return if stage.metrics.away().is_some() || stage.abort.is_cancelled() { given_up(stage) } else { Next::Over };
                }
                self.open.insert(Open::new(stage, outage, self.attempts, error, &target))
            }
        };
        let Some(pause) = open.pause() else {
            self.in_vain = Some(open.since.elapsed());
            self.open = None;
            return Next::Over;
        };
        tokio::select! {
            biased;
            () = stage.drain.cancelled() => return given_up(stage),
            () = tokio::time::sleep(pause) => {}
        }
        self.attempts += 1;
        Next::Trial
    }

    /// The target has answered: whatever it was that kept it away is over.
    pub(super) fn answered<'t>(&mut self, target: impl FnOnce() -> Cow<'t, str>) {
        let Some(open) = self.open.take() else { return };
        // Other transactions may have waited for it too.
        let Some(away) = self.stage.metrics.close(self.stage.index).map(rounded) else { return };
        let target = target();
        // A warning as the one before, so that whoever was told of the outage is told of its end.
        tracing::warn!(stage = self.stage.definition.name, %target, %away, trials = self.attempts - open.tried, "the target is back");
    }

    /// The error that the tries ended in, with how often and for how long it was tried.
    pub(super) fn ended(&self, error: Error) -> Error {
        let error = error.after(self.attempts);
        match self.in_vain {
            Some(away) => error.caused_by(format!("the target was away for {}, longer than `outage` allows", rounded(away))),
            None => error,
        }
    }
}

/// What has been read cannot be finished while the target is away.
fn given_up(stage: &Stage) -> Next {
    stage.abort.give_up();
    Next::GivenUp
}

/// A breaker that is open.
struct Open<'s> {
    stage: &'s Stage,
    since: Instant,
    /// When the last trial is made.
    until: Instant,
    /// How often the batch was tried before.
    tried: u32,
    /// The longest that the next pause may be.
    longest: Duration,
}

impl<'s> Open<'s> {
    fn new(stage: &'s Stage, outage: Duration, tried: u32, error: &Error, target: &str) -> Self {
        let outage = outage.min(CENTURY);
        if stage.metrics.open(stage.index) {
            let until = humantime::format_rfc3339_seconds(SystemTime::now() + outage);
            tracing::warn!(stage = stage.definition.name, target, %error, %until, "the target is away, and is waited for");
        }
        let since = Instant::now();
        // The pauses go on where those between the retries ended.
        let longest = stage.settings.backoff.saturating_mul(1_u32.checked_shl(tried - 1).unwrap_or(u32::MAX));
        Self { stage, since, until: since + outage, tried, longest: longest.clamp(Duration::from_millis(1), LONGEST_BACKOFF) }
    }

    /// How long to wait before the next trial: any time up to the longest, so that many runs which lost
    /// one server do not come back to it at once. `None` after the last trial.
    fn pause(&mut self) -> Option<Duration> {
        let left = self.until.saturating_duration_since(Instant::now());
        let pause = self.longest.mul_f64(fastrand::f64()).min(left);
        self.longest = (self.longest * 2).min(LONGEST_BACKOFF);
        (!left.is_zero()).then_some(pause)
    }
}

/// Whatever ends it, how long it lasted is counted.
impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.stage.metrics.close(self.stage.index);
    }
}

/// To the second, where it is no less.
fn rounded(away: Duration) -> humantime::FormattedDuration {
    let exact = Duration::from_millis(u64::try_from(away.as_millis()).unwrap_or(u64::MAX));
    humantime::format_duration(if exact < Duration::from_secs(1) { exact } else { Duration::from_secs(exact.as_secs()) })
}
