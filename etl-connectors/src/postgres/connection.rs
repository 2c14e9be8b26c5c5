//! A connection: a session that is opened again when it is lost.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use etl_core::target::fenced;
use etl_core::{Result, mutants};

use super::Options;
use super::address::Address;
use super::lease::{self, Held};
use super::session::{Backend, Session};

/// What all connections of a [`Pool`](super::Pool) share.
pub(super) struct Shared {
    pub(super) address: Address,
    pub(super) options: Options,
    state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    /// The run commits as a whole.
    pub(super) whole: bool,
    /// A session that was opened to see whether the server is there.
    pub(super) spare: Option<Session>,
    /// The lease that this run has.
    pub(super) held: Option<Held>,
}

impl Shared {
    pub(super) fn new(address: Address, options: Options) -> Self {
        Self { address, options, state: Mutex::default() }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn held(&self) -> Option<Held> {
        self.state().held.clone()
    }
}

/// A connection to the database of a [`Pool`](super::Pool).
pub struct Connection {
    pub(super) shared: Arc<Shared>,
    pub(super) session: Option<Session>,
    /// Who served the session that was lost: it may not have noticed.
    lost: Option<Backend>,
}

impl Connection {
    pub(super) const fn new(shared: Arc<Shared>, session: Session) -> Self {
        Self { shared, session: Some(session), lost: None }
    }

    /// A session in a state that is known: the one that there is, or a new one with the same lease.
    ///
    /// # Errors
    /// The server is away; another run has taken over.
    pub(super) async fn session(&mut self) -> Result<&mut Session> {
        if self.session.as_ref().is_some_and(|session| !session.is_usable()) {
            self.give_up_session();
        }
        if self.session.is_none() {
            let mut session = Session::open(&self.shared.address, &self.shared.options).await?;
            if let Some(lost) = &self.lost {
                lease::end_backend(&mut session, lost).await?;
            }
            if let Some(held) = self.shared.held()
                && !lease::renew(&mut session, &held).await?
            {
                return Err(fenced(&self.shared.address.place));
            }
            self.lost = None;
            self.session = Some(session);
        }
        let Some(session) = &mut self.session else { unreachable!("opened above") };
        Ok(session)
    }

    /// The session, if there is one.
    pub(super) const fn open_session(&mut self) -> Option<&mut Session> {
        self.session.as_mut()
    }

    /// The session, for another connection.
    pub(super) fn into_session(self) -> Option<Session> {
        self.session.filter(Session::is_usable)
    }

    /// Ends the session: what it was doing is taken back.
    pub(super) fn give_up_session(&mut self) {
        if mutants::active("postgres_reuses_broken_sessions") {
            return;
        }
        if let Some(session) = self.session.take() {
            self.lost = Some(session.backend.clone());
            session.end();
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Connection").field(&self.shared.address.place).finish()
    }
}
