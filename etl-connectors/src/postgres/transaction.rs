//! Writing records in a transaction.

use std::sync::Arc;

use etl_core::record::codec::Encode;
use etl_core::target::{Entry, Receipt, Recorded};
use etl_core::{Class, Error, ErrorKind, Result, mutants};

use super::connection::Connection;
use super::copy::{self, Rows};
use super::errors::given_up;
use super::lease::{self, Held};
use super::ledger;
use super::names::{self, Ident, IntoTable, Table};
use super::pool::Pool;
use super::session::Session;
use super::shape::Binding;
use super::staging::{self, on_conflict};

/// The column of a temporary table that says in which place a record came.
const PLACE: &str = "_etl_place";

/// The open transaction of a [`Pool`]: what a loader takes as `&mut postgres::Transaction<'_>`.
///
/// A call that is given up half-way (its future is dropped) ends the transaction: whatever comes after
/// it is an error of class *retry*.
pub struct Transaction<'c> {
    connection: &'c mut Connection,
    held: Option<Held>,
    whole: bool,
    open: bool,
    /// A statement failed: the server takes nothing more but a way back.
    failed: bool,
    /// The tables that were written to.
    touched: Vec<String>,
}

impl<'c> Transaction<'c> {
    pub(super) async fn begin(connection: &'c mut Connection) -> Result<Self> {
        connection.session().await?;
        let (held, whole) = {
            let state = connection.shared.state();
            (state.held.clone(), state.whole)
        };
        // From here on it is taken back if this is dropped.
        let mut begun = Self { connection, held, whole, open: true, failed: false, touched: Vec::new() };
        begun.session()?.begin().await?;
        Ok(begun)
    }

    /// Copies `records` into `table`, column by name, in binary.
    ///
    /// # Errors
    /// The table is missing, or its columns and the record's fields do not fit ([`ErrorKind::Load`],
    /// class *fail*, with their names); a record is refused by a constraint or does not fit (class
    /// *reject*); by SQLSTATE else, see [the module](super). Nothing of `records` is in the
    /// transaction then, and it can only go back.
    pub async fn copy_in<T: Encode + Sync>(&mut self, table: impl IntoTable, records: &[T]) -> Result<()> {
        let table = table.into_table();
        self.copy_into(table, Rows::new(records)).await
    }

    /// Inserts `records` into `table`, or where a row with the same `key` is there, updates it. Of
    /// records with the same key the last one wins. A unique index on exactly the columns of the key
    /// must exist.
    ///
    /// # Errors
    /// As [`copy_in`](Self::copy_in); and a key that is no field of the record ([`ErrorKind::Config`]).
    pub async fn upsert<T: Encode + Sync>(&mut self, table: impl IntoTable, key: &[&str], records: &[T]) -> Result<()> {
        let table = table.into_table();
        let keys = key.iter().map(|name| Ident::new(name)).collect::<Result<Vec<_>>>();
        self.upsert_into(table, keys, Rows::new(records).placed()).await
    }

    /// Runs statements that return no rows: a `DELETE` before loading, a `REFRESH` afterwards. Values
    /// of records belong into [`copy_in`](Self::copy_in), not into `sql`.
    ///
    /// # Errors
    /// By SQLSTATE; a statement that ends the transaction, which is the engine's to end, and one in a
    /// run that commits as a whole, which would be seen before its end ([`ErrorKind::Load`]).
    pub async fn execute(&mut self, sql: &str) -> Result<()> {
        if self.whole {
            return Err(Error::new(ErrorKind::Load, "a statement of its own does not wait for the end of the run")
                .hint("with `atomic: run`, use `copy_in` or `upsert`"));
        }
        let session = self.session()?;
        let done = session.run(sql, format!("cannot run a statement in {}", session.place)).await;
        // The statements may have altered tables.
        session.forget_tables();
        self.noted(done)?;
        let session = self.session()?;
        // Only in a transaction there are savepoints.
        let inside = session.run("SAVEPOINT _etl_inside; RELEASE SAVEPOINT _etl_inside", "a statement ended the transaction").await;
        self.noted(inside).map_err(|error| match error.class() {
            Class::Retry => error,
            _ => {
                self.open = false;
                error.hint("the engine begins, commits and rolls back: leave COMMIT and ROLLBACK out")
            }
        })
    }

    async fn copy_into(&mut self, table: Result<Table>, rows: impl copy::Source) -> Result<()> {
        let table = table?;
        if rows.is_empty() {
            return Ok(());
        }
        let done = self.try_copy(&table, rows).await;
        self.noted(done)
    }

    async fn try_copy(&mut self, table: &Table, rows: impl copy::Source) -> Result<()> {
        let (session, held) = self.parts()?;
        let binding = session.binding(table, rows.schema()).await?;
        let into = match held {
            Some(held) => staging::table(session, held, &binding, &[]).await?.to_string(),
            None => binding.table.clone(),
        };
        self.touch(&binding);
        copy::copy(self.session()?, &into, &binding, None, rows).await
    }

    async fn upsert_into(&mut self, table: Result<Table>, keys: Result<Vec<Ident>>, rows: impl copy::Source) -> Result<()> {
        let (table, keys) = (table?, keys?);
        if rows.is_empty() {
            return Ok(());
        }
        let done = self.try_upsert(&table, &keys, rows).await;
        self.noted(done)
    }

    async fn try_upsert(&mut self, table: &Table, keys: &[Ident], rows: impl copy::Source) -> Result<()> {
        let (session, held) = self.parts()?;
        let binding = session.binding(table, rows.schema()).await?;
        if let Some(key) = keys.iter().find(|key| !binding.columns.contains(key)) {
            return Err(Error::new(ErrorKind::Config, format!("cannot upsert into {table}: the key {key} is no field of the record")));
        }
        if keys.is_empty() {
            return Err(Error::new(ErrorKind::Config, format!("cannot upsert into {table}: the key has no columns")));
        }
        let into = match held {
            Some(held) => staging::table(session, held, &binding, keys).await?.to_string(),
            None => binding.table.clone(),
        };
        let doing = format!("cannot upsert into {}", binding.table);
        let place = Ident::new(PLACE)?;
        let temporary = temporary(&binding)?;
        let (columns, key_list) = (names::list(&binding.columns), names::list(keys));
        // The columns as they are, without their constraints; and the place, by which the last one wins.
        let make = format!(
            "CREATE TEMPORARY TABLE IF NOT EXISTS {temporary} ON COMMIT DELETE ROWS AS SELECT {columns}, 0::bigint AS {place} FROM {} WITH NO DATA; \
             DELETE FROM {temporary}",
            binding.table
        );
        session.run(&make, doing.clone()).await?;
        copy::copy(session, &temporary.to_string(), &binding, Some(&place), rows).await?;
        let insert = format!(
            "INSERT INTO {into} ({columns}) SELECT {columns} FROM (SELECT DISTINCT ON ({key_list}) * FROM {temporary} ORDER BY {key_list}, {place} DESC) AS last{}",
            on_conflict(&binding.columns, keys)
        );
        session.run(&insert, doing).await?;
        self.touch(&binding);
        Ok(())
    }

    /// The session; and the lease, if records are staged under it.
    fn parts(&mut self) -> Result<(&mut Session, Option<&Held>)> {
        self.check()?;
        let held = match (&self.held, self.whole) {
            (Some(held), true) => Some(held),
            (None, true) => {
                return Err(Error::new(ErrorKind::Load, "the run cannot be committed as a whole: its source cannot be read again")
                    .hint("use a source with positions, or leave out `atomic: run`"));
            }
            (_, false) => None,
        };
        let Connection { shared, session, .. } = &mut *self.connection;
        match session {
            Some(session) => Ok((session, held)),
            None => Err(given_up(&shared.address.place)),
        }
    }

    fn session(&mut self) -> Result<&mut Session> {
        self.check()?;
        let Connection { shared, session, .. } = &mut *self.connection;
        session.as_mut().ok_or_else(|| given_up(&shared.address.place))
    }

    /// Whether statements can still be said.
    fn check(&self) -> Result<()> {
        if !self.open {
            return Err(Error::new(ErrorKind::Load, "the transaction has ended"));
        }
        if self.failed {
            return Err(Error::new(ErrorKind::Load, "an earlier statement of the transaction failed")
                .hint("return the error of the statement: the engine rolls back"));
        }
        Ok(())
    }

    /// Remembers that a statement failed: a commit would be answered as if it were one.
    fn noted<T>(&mut self, done: Result<T>) -> Result<T> {
        self.failed |= done.is_err();
        done
    }

    fn touch(&mut self, binding: &Arc<Binding>) {
        if !self.touched.contains(&binding.table) {
            self.touched.push(binding.table.clone());
        }
    }

    /// The tables that the lease does not know yet.
    fn new_tables(&self, held: &Held) -> Vec<String> {
        let Ok(known) = held.tables.lock() else { return self.touched.clone() };
        self.touched.iter().filter(|table| !known.contains(*table)).cloned().collect()
    }

    async fn try_record(&mut self, held: &Held, receipt: &Receipt) -> Result<Recorded> {
        let new = self.new_tables(held);
        let session = self.session()?;
        let recorded = ledger::record(session, held, receipt).await?;
        // What is staged is remembered when it is moved.
        if recorded == Recorded::New && !new.is_empty() && !held.whole {
            lease::remember(session, held, &new).await?;
        }
        Ok(recorded)
    }

    /// Ends the transaction without its writes. Nothing that happens here can make them stand.
    async fn take_back(&mut self) {
        if !std::mem::replace(&mut self.open, false) {
            return;
        }
        let Some(session) = self.connection.open_session() else { return };
        if mutants::active("postgres_rollback_unsent") {
            return;
        }
        let doing = format!("cannot roll back in {}", session.place);
        let way_back = async {
            session.run("ROLLBACK", doing).await?;
            session.resolve_doubt().await
        };
        if way_back.await.is_err() {
            self.connection.give_up_session();
        }
    }
}

/// A name for the temporary table of these columns: another record may have others.
fn temporary(binding: &Binding) -> Result<Ident> {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    binding.table.hash(&mut hasher);
    binding.columns.hash(&mut hasher);
    Ident::new(&format!("_etl_upsert_{:016x}", hasher.finish()))
}

impl etl_core::target::Transaction for Transaction<'_> {
    type Target = Pool;
    const SAVEPOINTS: bool = true;

    async fn is_recorded(&mut self, entries: &[Entry]) -> Result<bool> {
        let Some(held) = self.held.clone() else { return Ok(false) };
        let session = self.session()?;
        let found = ledger::holds(session, &held, entries).await;
        self.noted(found)
    }

    async fn record(&mut self, receipt: &Receipt) -> Result<Recorded> {
        let Some(held) = self.held.clone() else { return Ok(Recorded::New) };
        let recorded = self.try_record(&held, receipt).await;
        self.noted(recorded)
    }

    async fn savepoint(&mut self) -> Result<()> {
        let session = self.session()?;
        let done = session.run("SAVEPOINT _etl", "cannot make a savepoint").await;
        self.noted(done)
    }

    async fn roll_back_to_savepoint(&mut self) -> Result<()> {
        // This is the way back from a statement that failed.
        let failed = std::mem::replace(&mut self.failed, false);
        let session = self.session()?;
        if failed {
            // It may have been the one that made a table, or one of a name that is gone now.
            session.forget_tables();
        }
        let way_back = async {
            session.run("ROLLBACK TO SAVEPOINT _etl; RELEASE SAVEPOINT _etl", "cannot go back to a savepoint").await?;
            session.resolve_doubt().await
        };
        let done = way_back.await;
        self.noted(done)
    }

    async fn release_savepoint(&mut self) -> Result<()> {
        let session = self.session()?;
        let done = session.run("RELEASE SAVEPOINT _etl", "cannot release a savepoint").await;
        self.noted(done)
    }

    async fn commit(mut self) -> Result<()> {
        let session = self.session()?;
        let done = session.run("COMMIT", format!("cannot commit to {}", session.place)).await;
        // Committed or not, it has ended: if nobody was told which, the ledger knows.
        self.open = false;
        if done.is_err() {
            self.connection.give_up_session();
        } else if let Some(held) = &self.held
            && let Ok(mut known) = held.tables.lock()
            && !held.whole
        {
            known.extend(self.touched.drain(..));
        }
        done
    }

    async fn rollback(mut self) -> Result<()> {
        self.take_back().await;
        Ok(())
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        match self.connection.open_session() {
            Some(session) if session.is_usable() && !session.is_doubtful() => session.roll_back_unseen(),
            // In the middle of a call: what the server makes of it is not waited for.
            _ => self.connection.give_up_session(),
        }
    }
}

impl std::fmt::Debug for Transaction<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transaction").field("connection", &self.connection).field("open", &self.open).finish_non_exhaustive()
    }
}
