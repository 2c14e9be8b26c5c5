//! A database as a target.

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use etl_core::guarantee::Transactional;
use etl_core::target::{Abandoned, Claim, Entry, Keeps, Preparation, Target};
use etl_core::{Error, ErrorKind, Result};
use rusqlite::OpenFlags;

use super::errors::explain;
use super::ledger::{self, Held};
use super::transaction::Transaction;
use crate::files::{NewFile, Single, open_source};

/// How long a connection waits for another one's lock before it is an error of class *retry*.
pub(super) const BUSY: Duration = Duration::from_secs(5);

/// A SQLite database; made by [`create`](super::create) or [`open`](super::open).
pub struct Database(Kind);

enum Kind {
    New(Single<Private>),
    Existing(PathBuf),
}

/// A database that nobody else can see yet.
struct Private {
    file: std::fs::File,
    place: NewFile,
}

/// An open connection to a [`Database`].
pub struct Connection {
    // Closed before the file is removed: fields are dropped in this order.
    pub(super) sqlite: rusqlite::Connection,
    private: Option<Private>,
    /// The tables that are known to be there; only used where tables are made.
    pub(super) tables: HashSet<String>,
    pub(super) path: PathBuf,
    /// The right to commit, where the run keeps a ledger.
    pub(super) held: Option<Held>,
}

impl Connection {
    /// Whether tables are made as records come.
    pub(super) fn makes_tables(&self) -> bool {
        self.private.is_some()
    }
}

impl Database {
    pub(super) fn create(path: &Path) -> Self {
        Self(Kind::New(Single::new(path)))
    }

    pub(super) fn open(path: &Path) -> Self {
        Self(Kind::Existing(path.to_owned()))
    }

    fn path(&self) -> &Path {
        match &self.0 {
            Kind::New(place) => place.path(),
            Kind::Existing(path) => path,
        }
    }
}

impl Private {
    fn create(path: &Path, replace: bool) -> Result<Self> {
        let (file, place) = NewFile::create(path, replace)?;
        Ok(Self { file, place })
    }
}

impl Target for Database {
    type Connection = Connection;
    type Transaction<'c> = Transaction<'c>;
    type Class = Transactional;

    fn name(&self) -> Cow<'_, str> {
        self.path().to_string_lossy()
    }

    fn appears_whole(&self) -> bool {
        matches!(self.0, Kind::New(_))
    }

    fn keeps(&self) -> Keeps {
        match &self.0 {
            Kind::New(_) => Keeps::Nothing,
            Kind::Existing(_) => Keeps::Ledger,
        }
    }

    async fn prepare(&self, preparation: Preparation) -> Result<()> {
        match &self.0 {
            Kind::New(place) => place.prepare(&preparation, Private::create),
            Kind::Existing(path) => {
                let flags = if preparation.look_only { OpenFlags::SQLITE_OPEN_READ_ONLY } else { OpenFlags::SQLITE_OPEN_READ_WRITE };
                let sqlite = connect(path, flags, ErrorKind::Config)?;
                if !preparation.look_only && sqlite.is_readonly(rusqlite::MAIN_DB).unwrap_or(false) {
                    return Err(Error::new(ErrorKind::Config, format!("the database {} cannot be written", path.display()))
                        .hint("look at the permissions of the file and of its directory"));
                }
                Ok(())
            }
        }
    }

    async fn connect(&self) -> Result<Connection> {
        let (sqlite, private) = match &self.0 {
            Kind::Existing(path) => (connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, ErrorKind::Config)?, None),
            Kind::New(place) => {
                let private = place.take(Private::create)?;
                let sqlite = open_private(private.place.temporary()).map_err(|error| {
                    explain(ErrorKind::Config, format!("cannot open a new database for {}", place.path().display()), &error)
                })?;
                (sqlite, Some(private))
            }
        };
        Ok(Connection { sqlite, private, tables: HashSet::new(), path: self.path().to_owned(), held: None })
    }

    async fn claim(&self, connection: &mut Connection, claim: &Claim) -> Result<Vec<Entry>> {
        let (held, entries) = ledger::claim(&mut connection.sqlite, &self.name(), claim)?;
        connection.held = Some(held);
        Ok(entries)
    }

    async fn renew(&self, connection: &mut Connection) -> Result<()> {
        match &connection.held {
            Some(held) => held.renew(&connection.sqlite, &self.name()),
            None => Ok(()),
        }
    }

    async fn begin<'c>(connection: &'c mut Connection) -> Result<Transaction<'c>> {
        Transaction::begin(connection)
    }

    async fn publish(&self, connection: Connection) -> Result<()> {
        let Connection { sqlite, private, path, held, .. } = connection;
        if let Some(held) = held {
            held.release(&sqlite);
        }
        sqlite
            .close()
            .map_err(|(_still_open, error)| explain(ErrorKind::Storage, format!("cannot close the database {}", path.display()), &error))?;
        match private {
            Some(private) => private.place.publish(&private.file),
            // Every commit made itself durable.
            None => Ok(()),
        }
    }

    async fn abandon(&self, connection: Connection) -> Abandoned {
        if let Some(held) = &connection.held {
            held.release(&connection.sqlite);
        }
        if connection.private.is_some() { Abandoned::Discarded } else { Abandoned::Kept }
    }
}

/// Opens a database that exists; one that cannot be opened is an error of `kind`.
pub(super) fn connect(path: &Path, flags: OpenFlags, kind: ErrorKind) -> Result<rusqlite::Connection> {
    open_source(path).map_err(|error| match kind {
        ErrorKind::Config => error.with_kind(kind).with_code("config"),
        _ => error,
    })?;
    let opened = rusqlite::Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).and_then(|sqlite| {
        sqlite.busy_timeout(BUSY)?;
        // Opening reads nothing; this does.
        sqlite.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(sqlite)
    });
    opened.map_err(|error| explain(kind, format!("cannot open the database {}", path.display()), &error))
}

/// Opens the file of a database that nobody else can see: no lock and no sync is needed until it is
/// published, and what a transaction changes can be kept in memory to take it back.
fn open_private(path: &Path) -> rusqlite::Result<rusqlite::Connection> {
    let sqlite = rusqlite::Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    sqlite.execute_batch(
        "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -2048;",
    )?;
    Ok(sqlite)
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Database").field(&self.path()).finish()
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Connection").field(&self.path).finish()
    }
}
