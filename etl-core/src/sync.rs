//! What the threads of a run share. With `--cfg etl_loom` the atomics are those of loom, which goes
//! through every order in which threads may read and write them: `cargo xtask loom`.

#[cfg(etl_loom)]
pub(crate) use loom::sync::atomic;
#[cfg(not(etl_loom))]
pub(crate) use std::sync::atomic;

#[cfg(not(etl_loom))]
pub(crate) use tokio::sync::mpsc;

/// tokio's channels, of which loom sees nothing, with an atomic that says when something is sent: so it
/// tries what other threads may do just before.
#[cfg(etl_loom)]
pub(crate) mod mpsc {
    use std::sync::Arc;

    use loom::sync::atomic::{AtomicUsize, Ordering::AcqRel};
    pub(crate) use tokio::sync::mpsc::Receiver;
    use tokio::sync::mpsc::error::SendError;

    pub(crate) struct Sender<T> {
        queue: tokio::sync::mpsc::Sender<T>,
        sent: Arc<AtomicUsize>,
    }

    impl<T> Clone for Sender<T> {
        fn clone(&self) -> Self {
            Self { queue: self.queue.clone(), sent: Arc::clone(&self.sent) }
        }
    }

    impl<T> Sender<T> {
        pub(crate) async fn send(&self, value: T) -> Result<(), SendError<T>> {
            self.sent.fetch_add(1, AcqRel);
            self.queue.send(value).await
        }
    }

    pub(crate) fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
        let (queue, receiver) = tokio::sync::mpsc::channel(capacity);
        (Sender { queue, sent: Arc::default() }, receiver)
    }
}
