//! A target that has one writer: handing it out once.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use etl_core::{Error, ErrorKind, Result};

/// The place of a new file, and the file itself between `prepare` and `connect`.
pub(crate) struct Single<F> {
    path: PathBuf,
    state: Mutex<State<F>>,
}

enum State<F> {
    New,
    Prepared(F),
    Lent,
}

impl<F> Single<F> {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), state: Mutex::new(State::New) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the file.
    pub(crate) fn make(&self, make: impl FnOnce(&Path) -> Result<F>) -> Result<()> {
        let mut state = self.state();
        if !matches!(*state, State::Lent) {
            // A file of an earlier preparation is removed.
            *state = State::New;
            *state = State::Prepared(make(&self.path)?);
        }
        Ok(())
    }

    /// The file; it is there for one connection only.
    pub(crate) fn take(&self, create: impl FnOnce(&Path, bool) -> Result<F>) -> Result<F> {
        let mut state = self.state();
        match std::mem::replace(&mut *state, State::Lent) {
            State::Prepared(file) => Ok(file),
            State::Lent => Err(Error::new(ErrorKind::Config, format!("{} has a writer already", self.path.display()))
                .hint("a new file takes the records of one loader, once: give every loader a file of its own")),
            State::New => create(&self.path, false).inspect_err(|_| *state = State::New),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<F>> {
        // The states are whole after any panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
