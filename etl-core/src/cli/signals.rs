//! Signals: the first one lets the run finish what it has read, the second gives up, and after the
//! third the process leaves at once.

use crate::engine::StopHandle;

/// By what the run was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// SIGINT: control-C.
    Interrupted,
    /// SIGTERM.
    Terminated,
}

impl Stopped {
    /// The exit code that shells know.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

/// The signals of the process, or none.
pub(crate) struct Signals {
    #[cfg(unix)]
    unix: Option<(tokio::signal::unix::Signal, tokio::signal::unix::Signal)>,
    #[cfg(not(unix))]
    watched: bool,
    /// The first one that came.
    pub(crate) first: Option<Stopped>,
    count: u32,
}

impl Signals {
    /// Watches the signals, where `ours` says that the process is ours.
    pub(crate) fn watch(ours: bool) -> Self {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let unix = ours.then(|| signal(SignalKind::interrupt()).ok().zip(signal(SignalKind::terminate()).ok())).flatten();
            Self { unix, first: None, count: 0 }
        }
        #[cfg(not(unix))]
        Self { watched: ours, first: None, count: 0 }
    }

    /// Waits for the next signal.
    pub(crate) async fn next(&mut self) -> Stopped {
        let signal = self.receive().await;
        self.first.get_or_insert(signal);
        self.count += 1;
        signal
    }

    #[cfg(unix)]
    async fn receive(&mut self) -> Stopped {
        match &mut self.unix {
            Some((interrupt, terminate)) => tokio::select! {
                Some(()) = interrupt.recv() => Stopped::Interrupted,
                Some(()) = terminate.recv() => Stopped::Terminated,
                else => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    }

    #[cfg(not(unix))]
    async fn receive(&mut self) -> Stopped {
        if self.watched && tokio::signal::ctrl_c().await.is_ok() { Stopped::Interrupted } else { std::future::pending().await }
    }

    /// Does what the last signal asks for, and says so.
    pub(crate) fn obey(&self, stop: &StopHandle) -> &'static str {
        match self.count {
            0 | 1 => {
                stop.drain();
                "stopping: finishing what is read; once more to give up\n"
            }
            2 => {
                stop.abort();
                "giving up: what is not committed is left out; once more to leave at once\n"
            }
            _ => self.leave(),
        }
    }

    /// Leaves the process at once.
    pub(crate) fn leave(&self) -> ! {
        std::process::exit(self.first.map_or(1, |first| first.code().into()))
    }
}
