//! How a run is stopped before its end.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use crate::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Stops a run from outside.
#[derive(Clone, Debug)]
pub struct StopHandle {
    pub(super) drain: CancellationToken,
    pub(super) abort: Abort,
    /// The stages that have not returned long after the run was given up.
    pub(super) stuck: watch::Sender<Vec<&'static str>>,
}

impl Default for StopHandle {
    fn default() -> Self {
        let abort = Abort { token: CancellationToken::new(), given_up: Arc::default() };
        // Who gives up does not read on either.
        Self { drain: abort.token.child_token(), abort, stuck: watch::Sender::default() }
    }
}

impl StopHandle {
    /// Reads no further and finishes what has been read.
    pub fn drain(&self) {
        self.drain.cancel();
    }

    /// Waits until stages have not returned long after the run was given up, and names them.
    pub async fn stuck(&self) -> Vec<&'static str> {
        let mut stuck = self.stuck.subscribe();
        let named = stuck.wait_for(|stages| !stages.is_empty()).await.map(|stages| stages.clone());
        // The sender lives as long as this.
        named.unwrap_or_default()
    }

    /// Gives up what is not committed.
    pub fn abort(&self) {
        self.abort.give_up();
    }
}

/// Whether the run is given up: a token to wait for, and a flag, because every stage looks at it in
/// every batch and the token would lock.
#[derive(Clone, Debug)]
pub(crate) struct Abort {
    token: CancellationToken,
    given_up: Arc<AtomicBool>,
}

impl Abort {
    pub(super) fn give_up(&self) {
        self.given_up.store(true, Relaxed);
        self.token.cancel();
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.given_up.load(Relaxed)
    }

    pub(crate) fn cancelled(&self) -> WaitForCancellationFuture<'_> {
        self.token.cancelled()
    }

    /// Gives up when it is dropped.
    pub(super) fn drop_guard(self) -> GivenUpWhenDropped {
        GivenUpWhenDropped(self)
    }
}

pub(super) struct GivenUpWhenDropped(Abort);

impl Drop for GivenUpWhenDropped {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

#[cfg(all(test, etl_loom))]
mod interleavings {
    use loom::future::block_on;
    use loom::thread;

    use super::*;

    /// I7: who waits for the end is woken, and who drains too, whichever of the two signals comes first. (That
    /// the flag is up then is tokio's doing, whose locks loom does not see.)
    #[test]
    fn who_waits_is_woken() {
        loom::model(|| {
            let stop = StopHandle::default();
            let (drains, gives_up) = (stop.clone(), stop.abort.clone().drop_guard());
            let first = thread::spawn(move || drains.drain());
            let second = thread::spawn(move || drop(gives_up));
            block_on(async {
                stop.drain.cancelled().await;
                stop.abort.cancelled().await;
            });
            first.join().expect("the first signal");
            second.join().expect("the second signal");
            assert!(stop.abort.is_cancelled() && stop.drain.is_cancelled());
        });
    }

    /// To drain is not to give up.
    #[test]
    fn what_was_read_is_finished() {
        loom::model(|| {
            let stop = StopHandle::default();
            let drains = stop.clone();
            let signal = thread::spawn(move || drains.drain());
            block_on(stop.drain.cancelled());
            assert!(!stop.abort.is_cancelled());
            signal.join().expect("the signal");
        });
    }
}
