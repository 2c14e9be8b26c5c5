//! Writing records in a transaction.

use etl_core::record::Column;
use etl_core::record::codec::Encode;
use etl_core::target::{Receipt, Recorded};
use etl_core::{Class, Error, ErrorKind, Result, mutants};
use rusqlite::Statement;
use serde::Serialize;

use super::bind::{Binder, Unbound};
use super::database::{Connection, Database};
use super::errors::explain;
use super::names;
use crate::serde_rows::{self, Unwritable};

/// The open transaction of a [`Database`]: what a loader takes as `&mut sqlite::Transaction<'_>`.
pub struct Transaction<'c> {
    connection: &'c mut Connection,
    open: bool,
}

impl<'c> Transaction<'c> {
    pub(super) fn begin(connection: &'c mut Connection) -> Result<Self> {
        // The lock is taken here, so that nothing later waits for it half-way.
        run(connection, "BEGIN IMMEDIATE", "begin a transaction in")?;
        Ok(Self { connection, open: true })
    }

    /// Inserts `records` into `table`, column by name. In a database that this run
    /// [creates](super::create) the table is made from the schema if it is missing.
    ///
    /// # Errors
    /// The table or one of its columns is missing ([`ErrorKind::Load`], class *fail*); a record is
    /// refused by a constraint or does not fit (class *reject*); the database is locked (class
    /// *retry*); the disk is full or fails ([`ErrorKind::Storage`]). Records before the one at fault
    /// are in the transaction.
    pub fn insert<T: Encode>(&mut self, table: &str, records: &[T]) -> Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        self.table(table, || names::create_table(table, T::SCHEMA))?;
        let columns: Vec<_> = T::SCHEMA.iter().map(|column| column.name).collect();
        let sql = names::insert(table, &columns);
        let column = |index: usize| T::SCHEMA.get(index).map_or("", |column: &Column| column.name).to_owned();
        self.insert_each(table, &sql, records, |record, statement| {
            record.encode(&mut Binder(statement)).map_err(|error| unbound(table, &error, column))
        })
    }

    /// The same for a type that only has serde. The columns are the fields of the first record; a
    /// table that is made has no types for those of them that hold no value in it.
    ///
    /// # Errors
    /// As [`insert`](Self::insert); and a record that is no struct of plain values
    /// ([`ErrorKind::Load`]).
    pub fn insert_serde<T: Serialize>(&mut self, table: &str, records: &[T]) -> Result<()> {
        let Some(first) = records.first() else { return Ok(()) };
        let fields = serde_rows::fields_of(first).map_err(|error| unwritable(table, &error.reason()))?;
        self.table(table, || names::create_loose_table(table, fields.iter().map(|(name, known)| (&**name, *known))))?;
        let columns: Vec<_> = fields.iter().map(|(name, _)| &**name).collect();
        let sql = names::insert(table, &columns);
        let column = |index: usize| fields.get(index).map_or("", |(name, _)| name).to_owned();
        self.insert_each(table, &sql, records, |record, statement| {
            serde_rows::show(record, &fields, &mut Binder(statement)).map_err(|error| match error {
                Unwritable::Refused(error) => unbound(table, &error, column),
                other => unwritable(table, &other.reason()),
            })
        })
    }

    /// Runs statements that return no rows: a `DELETE` before loading, an index afterwards. Values of
    /// records belong into [`insert`](Self::insert), not into `sql`.
    ///
    /// # Errors
    /// By SQLite's result code, as [`insert`](Self::insert); a statement that ends the transaction,
    /// which is the engine's to end ([`ErrorKind::Load`], class *fail*).
    pub fn execute(&mut self, sql: &str) -> Result<()> {
        let done = run(self.connection, sql, "run a statement in");
        // The statements may have dropped or renamed tables.
        self.connection.tables.clear();
        if self.open && self.connection.sqlite.is_autocommit() && done.is_ok() {
            self.open = false;
            return Err(Error::new(ErrorKind::Load, format!("a statement ended the transaction in {}", self.connection.path.display()))
                .hint("the engine begins, commits and rolls back: leave COMMIT and ROLLBACK out"));
        }
        done
    }

    /// Sees to it that the table is there, where that is ours to do, and that the ledger knows of it.
    fn table(&mut self, table: &str, create: impl FnOnce() -> String) -> Result<()> {
        if self.connection.tables.contains(table) {
            return Ok(());
        }
        let Connection { sqlite, held, .. } = &*self.connection;
        if self.connection.makes_tables() {
            sqlite
                .execute_batch(&create())
                .map_err(|error| explain(ErrorKind::Load, format!("cannot make the table `{table}`"), &error))?;
        }
        if let Some(held) = held {
            held.remember(sqlite, table).map_err(|error| explain(ErrorKind::Load, "cannot write to the ledger", &error))?;
        }
        self.connection.tables.insert(table.to_owned());
        Ok(())
    }

    fn insert_each<T>(
        &mut self,
        table: &str,
        sql: &str,
        records: &[T],
        mut bind: impl FnMut(&T, &mut Statement<'_>) -> Result<()>,
    ) -> Result<()> {
        if !self.open {
            return Err(Error::new(ErrorKind::Load, "the transaction has ended"));
        }
        let sqlite = &self.connection.sqlite;
        let mut statement = sqlite.prepare_cached(sql).map_err(|error| diagnose(sqlite, table, sql, &error))?;
        for (index, record) in records.iter().enumerate() {
            bind(record, &mut statement)?;
            statement.raw_execute().map_err(|error| {
                explain(
                    ErrorKind::Load,
                    format!("cannot insert into `{table}` (record {} of {} in the batch)", index + 1, records.len()),
                    &error,
                )
            })?;
        }
        Ok(())
    }
}

/// Why an `INSERT` cannot be prepared: usually the table or a column is missing.
fn diagnose(sqlite: &rusqlite::Connection, table: &str, sql: &str, error: &rusqlite::Error) -> Error {
    let doing = format!("cannot insert into `{table}`");
    let columns = || -> rusqlite::Result<Vec<String>> {
        let mut statement = sqlite.prepare("SELECT name FROM pragma_table_info(?1)")?;
        statement.query_map([table], |row| row.get(0))?.collect()
    };
    let Ok(columns) = columns() else { return explain(ErrorKind::Load, doing, error) };
    if columns.is_empty() {
        return Error::new(ErrorKind::Load, doing)
            .caused_by("there is no such table")
            .hint("make it first; only a database that this run creates gets its tables by itself");
    }
    // Column names of SQLite are compared without regard to case.
    let has = |name: &str| columns.iter().any(|column| column.eq_ignore_ascii_case(name));
    let wanted = sql.split_once('(').and_then(|(_, rest)| rest.split_once(") VALUES")).map_or("", |(list, _)| list);
    let missing: Vec<_> = wanted.split(", ").map(|name| name.trim_matches('"')).filter(|name| !has(name)).collect();
    if missing.is_empty() {
        return explain(ErrorKind::Load, doing, error);
    }
    Error::new(ErrorKind::Load, doing).caused_by(format!(
        "it has no column {}; it has {}",
        names::quoted_list(missing.into_iter()),
        names::quoted_list(columns.iter().map(String::as_str))
    ))
}

fn unbound(table: &str, error: &Unbound, column: impl Fn(usize) -> String) -> Error {
    match error {
        Unbound::Sqlite(error) => explain(ErrorKind::Load, format!("cannot insert into `{table}`"), error),
        Unbound::TooLarge { column: index } => Error::new(
            ErrorKind::Load,
            format!("cannot insert into `{table}`: column `{}` is larger than SQLite's INTEGER", column(*index)),
        )
        .with_class(Class::Reject)
        .with_code("sqlite_rejected"),
    }
}

fn unwritable(table: &str, reason: &str) -> Error {
    Error::new(ErrorKind::Load, format!("cannot insert into `{table}`: {reason}"))
}

fn run(connection: &Connection, sql: &str, doing: &str) -> Result<()> {
    connection
        .sqlite
        .execute_batch(sql)
        .map_err(|error| explain(ErrorKind::Load, format!("cannot {doing} {}", connection.path.display()), &error))
}

impl etl_core::target::Transaction for Transaction<'_> {
    type Target = Database;
    const SAVEPOINTS: bool = true;

    async fn record(&mut self, receipt: &Receipt) -> Result<Recorded> {
        if mutants::active("ledger_outside_transaction") {
            run(self.connection, "COMMIT; BEGIN IMMEDIATE", "commit before the ledger in")?;
        }
        let Connection { sqlite, held, path, .. } = &*self.connection;
        match held {
            Some(held) => held.record(sqlite, &path.to_string_lossy(), receipt),
            None => Ok(Recorded::New),
        }
    }

    async fn savepoint(&mut self) -> Result<()> {
        run(self.connection, "SAVEPOINT part", "begin a part of a transaction in")
    }

    async fn roll_back_to_savepoint(&mut self) -> Result<()> {
        // What was made since is gone with it.
        self.connection.tables.clear();
        run(self.connection, "ROLLBACK TO part; RELEASE part", "take back a part of a transaction in")
    }

    async fn release_savepoint(&mut self) -> Result<()> {
        run(self.connection, "RELEASE part", "keep a part of a transaction in")
    }

    async fn commit(mut self) -> Result<()> {
        if !self.open {
            return Err(Error::new(ErrorKind::Load, "the transaction has ended"));
        }
        // A commit that finds the database busy leaves the transaction open; it is rolled back then.
        run(self.connection, "COMMIT", "commit to")?;
        self.open = false;
        Ok(())
    }

    async fn rollback(mut self) -> Result<()> {
        self.take_back()
    }
}

impl Transaction<'_> {
    fn take_back(&mut self) -> Result<()> {
        let was_open = std::mem::replace(&mut self.open, false);
        self.connection.tables.clear();
        // Some errors end the transaction by themselves.
        if was_open && !self.connection.sqlite.is_autocommit() {
            run(self.connection, "ROLLBACK", "roll back a transaction in")?;
        }
        Ok(())
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if self.open {
            // The next `BEGIN` fails if this did.
            let _seen_later = self.take_back();
        }
    }
}

impl std::fmt::Debug for Transaction<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transaction").field("path", &self.connection.path).field("open", &self.open).finish()
    }
}
