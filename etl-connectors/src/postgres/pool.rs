//! A PostgreSQL database as a target.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use etl_core::guarantee::Transactional;
use etl_core::record::Secret;
use etl_core::target::{Abandoned, Claim, Entry, Keeps, Preparation, Target, fenced};
use etl_core::{Class, Error, ErrorKind, Result};

use super::Options;
use super::address::Address;
use super::connection::{Connection, Shared};
use super::lease;
use super::session::Session;
use super::staging;
use super::transaction::Transaction;

/// How often the first and the last transaction of a run are tried where the server is away: the engine retries those between.
const TRIES: u32 = 5;

/// How long a run that is given up waits for the server.
const FAREWELL: Duration = Duration::from_secs(5);

/// A PostgreSQL database; made by [`connect`](super::connect). It is a handle: clones are the same.
#[derive(Clone)]
pub struct Pool(Arc<Shared>);

impl Pool {
    pub(super) async fn connect(options: Options, database: &Secret<String>) -> Result<Self> {
        let shared = Shared::new(Address::parse(database.reveal())?, options);
        let session = Session::open(&shared.address, &shared.options).await?;
        shared.state().spare = Some(session);
        Ok(Self(Arc::new(shared)))
    }

    fn place(&self) -> &str {
        &self.0.address.place
    }
}

impl Target for Pool {
    type Connection = Connection;
    type Transaction<'c> = Transaction<'c>;
    type Class = Transactional;
    const CONCURRENT: bool = true;

    fn name(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.place())
    }

    fn appears_whole(&self) -> bool {
        self.0.state().whole
    }

    /// Looks whether the server takes writes, and whether the tables of the ledger are there or can be
    /// made.
    async fn prepare(&self, preparation: Preparation) -> Result<()> {
        let mut connection = self.connect().await?;
        let session = connection.session().await?;
        let rows = session
            .query(
                "SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean,
                        to_regclass('_etl_lease') IS NOT NULL AND to_regclass('_etl_ledger') IS NOT NULL AND to_regclass('_etl_stage') IS NOT NULL
                        OR coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)",
                &[],
                format!("cannot look at {}", self.place()),
            )
            .await?;
        let problem = |text: &str| Error::new(ErrorKind::Config, format!("{} {text}", self.place()));
        match rows.first().map(|row| (row.get(0), row.get(1))) {
            Some((true, _)) => return Err(problem("takes no writes").hint("connect to the primary server")),
            Some((_, false)) => {
                return Err(problem("has no ledger, and the role may not make one")
                    .hint("have its owner run the statements of `postgres::TABLES`, and GRANT ALL on the tables to the role"));
            }
            _ => {}
        }
        let mut state = self.0.state();
        state.whole = preparation.whole;
        state.spare = connection.into_session();
        Ok(())
    }

    fn keeps(&self) -> Keeps {
        Keeps::Ledger
    }

    async fn connect(&self) -> Result<Connection> {
        let spare = self.0.state().spare.take();
        let session = match spare {
            Some(session) if session.is_usable() => session,
            _ => Session::open(&self.0.address, &self.0.options).await?,
        };
        Ok(Connection::new(Arc::clone(&self.0), session))
    }

    async fn claim(&self, connection: &mut Connection, claim: &Claim) -> Result<Vec<Entry>> {
        let whole = self.0.state().whole;
        let mut attempt = 1;
        let (held, entries) = loop {
            let claimed = match connection.session().await {
                Ok(session) => Box::pin(lease::claim(session, claim, whole)).await,
                Err(error) => Err(error),
            };
            match claimed {
                Ok(claimed) => break claimed,
                Err(error) => {
                    // A transaction may be open.
                    connection.give_up_session();
                    if error.class() != Class::Retry || attempt == TRIES {
                        return Err(error);
                    }
                    // A claim that was granted though nobody was told is granted again to the same run.
                    pause(attempt).await;
                    attempt += 1;
                }
            }
        };
        self.0.state().held = Some(held);
        Ok(entries)
    }

    async fn renew(&self, connection: &mut Connection) -> Result<()> {
        let Some(held) = self.0.held() else { return Ok(()) };
        let session = connection.session().await?;
        if lease::renew(session, &held).await? { Ok(()) } else { Err(fenced(self.place())) }
    }

    /// The server takes back what the old session was doing; the lease stays with this run.
    async fn reconnect(&self, connection: &mut Connection) -> Result<()> {
        connection.give_up_session();
        connection.session().await.map(drop)
    }

    async fn begin<'c>(connection: &'c mut Connection) -> Result<Transaction<'c>> {
        Transaction::begin(connection).await
    }

    async fn publish(&self, mut connection: Connection) -> Result<()> {
        let Some(held) = self.0.held() else { return Ok(()) };
        if !self.0.state().whole {
            // Everything is in the target already, whoever has taken over.
            let _expires_by_itself = tokio::time::timeout(FAREWELL, release(&mut connection, &held)).await;
            self.0.state().held = None;
            return Ok(());
        }
        let mut attempt = 1;
        loop {
            let swapped = match connection.session().await {
                Ok(session) => Box::pin(staging::swap(session, &held)).await,
                Err(error) => Err(error),
            };
            match swapped {
                Ok(()) => break,
                // If it was committed though nobody was told, the next try finds nothing to do.
                Err(error) if error.class() == Class::Retry && attempt < TRIES => {
                    connection.give_up_session();
                    pause(attempt).await;
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
        self.0.state().held = None;
        Ok(())
    }

    async fn abandon(&self, mut connection: Connection) -> Abandoned {
        let (held, whole) = (self.0.held(), self.0.state().whole);
        if let Some(held) = held {
            let farewell = async {
                if whole {
                    let session = connection.session().await?;
                    Box::pin(staging::discard(session, &held)).await?;
                }
                release(&mut connection, &held).await
            };
            // What is not given up expires, and staging tables are dropped by the next run.
            let _best_effort = tokio::time::timeout(FAREWELL, farewell).await;
            self.0.state().held = None;
        }
        if whole { Abandoned::Discarded } else { Abandoned::Kept }
    }
}

/// Before another attempt.
async fn pause(attempt: u32) {
    tokio::time::sleep(Duration::from_millis(200) * attempt).await;
}

async fn release(connection: &mut Connection, held: &lease::Held) -> Result<()> {
    lease::release(connection.session().await?, held).await
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Pool").field(&self.place()).finish()
    }
}
