//! A database as a target.

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use etl_core::guarantee::Transactional;
use etl_core::target::{Abandoned, Claim, Entry, Keeps, Preparation, Target};
use etl_core::{Error, ErrorKind, Result, mutants};
use rusqlite::OpenFlags;

use super::errors::explain;
use super::ledger::{self, Held};
use super::private::{self, Opened, Private};
use super::transaction::Transaction;
use crate::files::{Single, open_source};

/// How long a connection waits for another one's lock before it is an error of class *retry*.
pub(super) const BUSY: Duration = Duration::from_secs(5);

/// A SQLite database; made by [`create`](super::create) or [`open`](super::open).
pub struct Database(Kind);

enum Kind {
    New(Single<Private>),
    Existing(PathBuf),
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

    /// Takes a private database out, to be put back as it is then.
    fn take_private(&mut self) -> Result<Option<Opened>> {
        let Some(private) = self.private.take() else { return Ok(None) };
        let none = rusqlite::Connection::open_in_memory().map_err(|error| explain(ErrorKind::Config, "cannot start SQLite", &error))?;
        let sqlite = std::mem::replace(&mut self.sqlite, none);
        Ok(Some(Opened { sqlite, private, held: self.held.take() }))
    }

    fn put_back(&mut self, Opened { sqlite, private, held }: Opened) {
        (self.sqlite, self.private, self.held) = (sqlite, Some(private), held);
        self.tables.clear();
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
        Keeps::Ledger
    }

    async fn prepare(&self, preparation: Preparation) -> Result<()> {
        match &self.0 {
            Kind::New(place) if preparation.look_only => Private::look(place.path(), &preparation),
            Kind::New(place) => place.make(|path| Private::prepare(path, &preparation)),
            Kind::Existing(path) if preparation.whole => Err(Error::new(
                ErrorKind::Config,
                format!("`atomic: run` cannot be kept in {}: it exists, and others see each commit", path.display()),
            )
            .hint("write to a new database, with `sqlite::create`")),
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
                let private = place.take(|path, replace| Private::prepare(path, &Preparation::new(replace, false)))?;
                let sqlite = private.open().map_err(|error| {
                    explain(ErrorKind::Config, format!("cannot open a new database for {}", place.path().display()), &error)
                })?;
                (sqlite, Some(private))
            }
        };
        Ok(Connection { sqlite, private, tables: HashSet::new(), path: self.path().to_owned(), held: None })
    }

    async fn reconnect(&self, connection: &mut Connection) -> Result<()> {
        // Closed first, which takes its transaction back: it may hold the lock.
        let nowhere = rusqlite::Connection::open_in_memory();
        connection.sqlite = nowhere.map_err(|error| explain(ErrorKind::Load, "cannot close the database", &error))?;
        connection.tables.clear();
        let failed = |error: &_| explain(ErrorKind::Load, format!("cannot open the database {} again", connection.path.display()), error);
        connection.sqlite = match &connection.private {
            None => connect(&connection.path, OpenFlags::SQLITE_OPEN_READ_WRITE, ErrorKind::Load)?,
            Some(private) => private.open().map_err(|error| failed(&error))?,
        };
        Ok(())
    }

    async fn claim(&self, connection: &mut Connection, claim: &Claim) -> Result<Vec<Entry>> {
        let name = self.name();
        if let Some(opened) = connection.take_private()? {
            let (opened, entries) = opened.claim(&name, claim)?;
            connection.put_back(opened);
            return Ok(entries);
        }
        let (held, entries) = ledger::claim(&mut connection.sqlite, &name, claim)?;
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
        if connection.private.as_ref().is_some_and(Private::is_published) {
            let name = connection.path.to_string_lossy().into_owned();
            if let Some(opened) = connection.take_private()? {
                connection.put_back(opened.writable(&name)?);
            }
        }
        Transaction::begin(connection)
    }

    async fn publish(&self, connection: Connection) -> Result<()> {
        let Connection { sqlite, private, path, held, .. } = connection;
        if matches!(private, Some(Private::Published { .. })) {
            // Nothing was added to it.
            return Ok(());
        }
        if let Some(held) = held {
            held.release(&sqlite);
        }
        if let Some(Private::Kept { .. }) = &private {
            // Everything into the one file that is renamed.
            private::into_one_file(&sqlite)
                .map_err(|error| explain(ErrorKind::Storage, format!("cannot finish the database {}", path.display()), &error))?;
        }
        sqlite
            .close()
            .map_err(|(_still_open, error)| explain(ErrorKind::Storage, format!("cannot close the database {}", path.display()), &error))?;
        match private {
            Some(Private::Passing { file, place } | Private::Kept { file, place, .. }) => place.publish(&file),
            // Every commit made itself durable.
            Some(Private::Published { .. }) | None => Ok(()),
        }
    }

    async fn abandon(&self, connection: Connection) -> Abandoned {
        let Connection { sqlite, private, held, .. } = connection;
        if let Some(held) = held {
            held.release(&sqlite);
        }
        // Closed before its file is removed.
        drop(sqlite);
        match private {
            Some(Private::Passing { .. }) => Abandoned::Discarded,
            Some(Private::Kept { place, whole: true, .. }) => {
                place.discard();
                Abandoned::Discarded
            }
            Some(Private::Kept { .. } | Private::Published { .. }) | None => Abandoned::Kept,
        }
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
        if mutants::active("sqlite_without_sync") {
            sqlite.pragma_update(None, "synchronous", "OFF")?;
        }
        // Opening reads nothing; this does.
        sqlite.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(sqlite)
    });
    opened.map_err(|error| explain(kind, format!("cannot open the database {}", path.display()), &error))
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
