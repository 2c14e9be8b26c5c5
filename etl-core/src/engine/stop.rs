//! How a run is stopped before its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

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
    fn give_up(&self) {
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
