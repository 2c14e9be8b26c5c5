//! The mark that a run leaves while it is under way, so that the next one knows that it died; and
//! reading one parcel at a time where one of the records is suspected of having killed it.
//!
//! In a run that nothing is wrong with this is one small file, written at its start and removed at
//! its end.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use super::shared::Shared;
use crate::contract::error::{Error, ErrorKind, Result};
use crate::contract::position::Position;
use crate::delivery::attempts::{Attempts, Hopeless};
use crate::delivery::checkpoint::{make_directory, write_durably};
use crate::delivery::intervals::Intervals;

/// The code of a record that killed the process.
pub(super) const CODE: &str = "killed_the_process";
/// What its dead letter says.
pub(super) const MESSAGE: &str = "the process died each time when this record was tried alone";

const NAME: &str = "under-way";

/// The mark of a run that is under way.
pub(super) struct Marker {
    path: PathBuf,
    attempts: Mutex<Attempts>,
    killers: Vec<u64>,
    suspicious: AtomicBool,
    /// How many records of the source are done.
    done: watch::Sender<u64>,
    gone: AtomicBool,
}

impl Marker {
    /// Leaves the mark of a run that begins where `done` is done, behind that of an earlier one, unless
    /// all begins afresh. `None` where it cannot be written.
    ///
    /// # Errors
    /// What killed the process cannot be left out.
    pub(super) fn leave(directory: &Path, partition: &str, done: &Intervals, fresh: bool) -> Result<Option<Self>> {
        let path = directory.join(NAME);
        // One that cannot be read was never finished: the run before died as it began.
        let earlier = fs::read(&path).ok().filter(|_| !fresh).and_then(|text| serde_json::from_slice(&text).ok());
        let attempts = Attempts::begin(earlier, done).map_err(|Hopeless(records)| hopeless(records.start, partition, &path))?;
        let (killers, suspicious) = (attempts.killers().to_vec(), attempts.is_suspicious());
        let marker = Self {
            path,
            attempts: Mutex::new(attempts),
            killers,
            suspicious: AtomicBool::new(suspicious),
            done: watch::Sender::new(done.count()),
            gone: AtomicBool::new(false),
        };
        match make_directory(directory).and_then(|()| marker.write()) {
            Ok(()) => Ok(Some(marker)),
            Err(error) => {
                tracing::warn!(%error, "it cannot be written down that a run is under way");
                Ok(None)
            }
        }
    }

    /// Whether one parcel is tried at a time.
    pub(super) fn is_suspicious(&self) -> bool {
        self.suspicious.load(Relaxed)
    }

    /// The records that are left out because they kill the process.
    pub(super) fn killers(&self) -> &[u64] {
        &self.killers
    }

    /// Writes down which records are tried next, from record `from` on, and says how many. `None` where
    /// none is suspected any more.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn try_next(&self, from: u64, most: usize) -> Result<Option<usize>> {
        let count = self.attempts().try_next(from, most as u64);
        if count.is_none() {
            tracing::warn!("the records that were suspected of killing the process have been loaded: the run goes on as usual");
            self.suspicious.store(false, Relaxed);
        }
        self.write().map_err(|error| self.cannot(&error))?;
        Ok(count.map(|count| usize::try_from(count).unwrap_or(most)))
    }

    /// Writes down that so many records are tried, which are more than were asked for.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn tries(&self, records: std::ops::Range<u64>) -> Result<()> {
        self.attempts().tries(records);
        self.write().map_err(|error| self.cannot(&error))
    }

    /// So many records are done, durably.
    pub(super) fn done(&self, records: u64) {
        self.done.send_replace(records);
    }

    /// Waits until so many records are done.
    async fn until_done(&self, records: u64) {
        let mut done = self.done.subscribe();
        // The sender lives as long as this.
        let _closed = done.wait_for(|done| *done >= records).await;
    }

    /// The run has ended.
    pub(super) fn take_away(&self) {
        if !self.gone.swap(true, Relaxed)
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(%error, "the mark that a run is under way could not be removed");
        }
    }

    fn attempts(&self) -> std::sync::MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::io::Result<()> {
        let text = serde_json::to_vec(&*self.attempts()).unwrap_or_default();
        write_durably(&self.path, &text)
    }

    fn cannot(&self, error: &std::io::Error) -> Error {
        Error::io(ErrorKind::Storage, format!("cannot write {}", self.path.display()), error).with_kind(ErrorKind::Storage)
    }
}

/// Whoever drops a run has given it up, and does not die of it.
impl Drop for Marker {
    fn drop(&mut self) {
        self.take_away();
    }
}

/// Waits until the parcel that was handed over is done, before the next one is read.
pub(super) async fn until_done<C>(shared: &Shared<C>, marker: &Marker, records: u64) {
    // The loader is not to wait for more.
    shared.starving.store(true, Relaxed);
    shared.starves.notify_one();
    tokio::select! {
        biased;
        () = shared.stop.abort.cancelled() => {}
        () = marker.until_done(records) => {}
    }
    shared.starving.store(false, Relaxed);
}

/// Why the run stops at a record that killed the process, where there are no dead letters.
pub(super) fn killed() -> Error {
    Error::new(ErrorKind::Panicked, MESSAGE)
        .with_code(CODE)
        .hint("give the pipeline a `dead_letter: file(…)` to set it aside and go on; or call the stages with it in a unit test")
}

fn hopeless(ordinal: u64, partition: &str, path: &Path) -> Error {
    let position = Position { partition: partition.into(), ordinal, byte: None, line: None };
    Error::new(ErrorKind::Panicked, "the process dies of this record or of one behind it, also where it is only read")
        .with_code(CODE)
        .at(position)
        .hint(format!("mend the source or the program; it is tried again once {} is removed", path.display()))
}
