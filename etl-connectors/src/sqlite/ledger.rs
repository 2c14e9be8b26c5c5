//! The ledger that a database keeps of the runs that load into it: which records of the source it
//! holds, who may commit, and what the engine knew at the last commit. It is written in the
//! transaction of the records, so that a kill at any moment leaves both or neither.
//!
//! | table | |
//! |---|---|
//! | `_etl_lease` | which run may commit: a number that only rises (the epoch), and until when |
//! | `_etl_ledger` | which records are loaded, one row for each unbroken stretch |
//! | `_etl_progress` | what the engine knew, one row for each source |
//! | `_etl_tables` | which tables were loaded into, for `--fresh --replace` |

use std::sync::Arc;

use etl_core::position::Cursor;
use etl_core::target::{Claim, Entry, Holder, Receipt, Recorded, fenced};
use etl_core::{Error, ErrorKind, Result, mutants};
use rusqlite::{Connection, OptionalExtension, params};

use super::errors::explain;
use super::names::quoted;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS _etl_lease (
    pipeline TEXT PRIMARY KEY, epoch INTEGER NOT NULL, replay_epoch INTEGER NOT NULL,
    run TEXT NOT NULL, holder TEXT NOT NULL, expires REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _etl_ledger (
    pipeline TEXT, replay_epoch INTEGER, part TEXT, start_pos INTEGER, end_pos INTEGER NOT NULL,
    end_byte INTEGER, end_line INTEGER, sequence INTEGER NOT NULL,
    PRIMARY KEY (pipeline, replay_epoch, part, start_pos)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _etl_progress (
    pipeline TEXT, replay_epoch INTEGER, part TEXT, sequence INTEGER NOT NULL, progress TEXT NOT NULL,
    PRIMARY KEY (pipeline, replay_epoch, part)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _etl_tables (pipeline TEXT, name TEXT, PRIMARY KEY (pipeline, name)) WITHOUT ROWID;
";

/// A run that may commit.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pipeline: &'static str,
    epoch: i64,
    replay_epoch: i64,
    /// In seconds.
    lease: f64,
}

/// Takes the lease, which nobody else may hold, and reads what is loaded.
///
/// # Errors
/// See [`Target::claim`](etl_core::target::Target::claim).
pub(super) fn claim(sqlite: &mut Connection, name: &str, claim: &Claim) -> Result<(Held, Vec<Entry>)> {
    let failed = |error: &rusqlite::Error| explain(ErrorKind::Config, format!("cannot read the ledger in {name}"), error);
    let transaction = sqlite.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(|error| failed(&error))?;
    transaction.execute_batch(SCHEMA).map_err(|error| failed(&error))?;
    let mut held = take(&transaction, name, claim, &failed)?;
    if claim.fresh {
        begin_again(&transaction, name, claim, &mut held, &failed)?;
    }
    let entries = entries(&transaction, &held).map_err(|error| failed(&error))?;
    transaction.commit().map_err(|error| failed(&error))?;
    Ok((held, entries))
}

/// Whether a file is a database that keeps a ledger.
pub(super) fn is_kept(path: &std::path::Path) -> bool {
    use rusqlite::OpenFlags;
    let open = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX);
    open.and_then(|sqlite| sqlite.query_row("SELECT EXISTS (SELECT 1 FROM _etl_lease)", [], |row| row.get(0))).unwrap_or(false)
}

/// The pipeline that a database is of, if it is not `pipeline`.
pub(super) fn other_pipeline(sqlite: &Connection, pipeline: &str) -> Option<String> {
    sqlite.query_row("SELECT pipeline FROM _etl_lease WHERE pipeline <> ?1", [pipeline], |row| row.get(0)).ok()
}

/// What a database that is only read holds of a pipeline. `None` where no run of it has loaded into it.
pub(super) fn read(sqlite: &Connection, name: &str, pipeline: &'static str) -> Result<Option<Vec<Entry>>> {
    let lease = "SELECT epoch, replay_epoch FROM _etl_lease WHERE pipeline = ?1";
    let read = || -> rusqlite::Result<Option<Vec<Entry>>> {
        let lease = sqlite.query_row(lease, [pipeline], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let Some((epoch, replay_epoch)) = lease else { return Ok(None) };
        entries(sqlite, &Held { pipeline, epoch, replay_epoch, lease: 0.0 }).map(Some)
    };
    read().map_err(|error| explain(ErrorKind::Config, format!("cannot read the ledger in {name}"), &error))
}

fn take(sqlite: &Connection, name: &str, claim: &Claim, failed: &impl Fn(&rusqlite::Error) -> Error) -> Result<Held> {
    type Lease = (i64, i64, String, f64, f64);
    let lease: Option<Lease> = sqlite
        .query_row(
            "SELECT epoch, replay_epoch, holder, expires, unixepoch('subsec') FROM _etl_lease WHERE pipeline = ?1",
            [claim.pipeline],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)),
        )
        .optional()
        .map_err(|error| failed(&error))?;
    let (epoch, replay_epoch) = match lease {
        None => (1, 0),
        Some((epoch, replay_epoch, holder, expires, now)) => {
            let holder: Option<Holder> = serde_json::from_str(&holder).ok();
            if expires > now && !holder.as_ref().is_some_and(Holder::is_gone) {
                let holder = holder.map_or_else(|| "another process".to_owned(), |holder| holder.to_string());
                return Err(Error::new(ErrorKind::Unavailable, format!("another run of this pipeline loads into {name}: {holder}"))
                    .with_code("already_running")
                    .hint(format!("wait for it; if it is gone, this one may take over in {:.0} s", (expires - now).max(1.0))));
            }
            (epoch + 1, replay_epoch)
        }
    };
    let lease = claim.lease.as_secs_f64();
    let holder = serde_json::to_string(&claim.holder).unwrap_or_default();
    sqlite
        .execute(
            "INSERT OR REPLACE INTO _etl_lease VALUES (?1, ?2, ?3, ?4, ?5, unixepoch('subsec') + ?6)",
            params![claim.pipeline, epoch, replay_epoch, claim.run_id, holder, lease],
        )
        .map_err(|error| failed(&error))?;
    Ok(Held { pipeline: claim.pipeline, epoch, replay_epoch, lease })
}

/// Raises the replay epoch: what was loaded before does not count. It must be gone, or may be removed.
fn begin_again(sqlite: &Connection, name: &str, claim: &Claim, held: &mut Held, failed: &impl Fn(&rusqlite::Error) -> Error) -> Result<()> {
    let tables = || -> rusqlite::Result<Vec<String>> {
        let loaded = "SELECT name FROM _etl_tables WHERE pipeline = ?1 AND name IN (SELECT name FROM sqlite_schema WHERE type = 'table')";
        sqlite.prepare(loaded)?.query_map([claim.pipeline], |row| row.get(0))?.collect()
    };
    for table in tables().map_err(|error| failed(&error))? {
        let table_name = quoted(&table);
        if claim.replace {
            sqlite.execute(&format!("DELETE FROM {table_name}"), []).map_err(|error| failed(&error))?;
            continue;
        }
        let holds = sqlite
            .query_row(&format!("SELECT EXISTS (SELECT 1 FROM {table_name})"), [], |row| row.get::<_, bool>(0))
            .map_err(|error| failed(&error))?;
        if holds {
            return Err(Error::new(
                ErrorKind::Config,
                format!("the table `{table}` in {name} holds records that earlier runs have loaded"),
            )
            .hint("`--fresh --replace` empties the table first, whoever wrote to it"));
        }
    }
    let forget = |sql: &str| sqlite.execute(sql, [claim.pipeline]).map_err(|error| failed(&error));
    forget("DELETE FROM _etl_ledger WHERE pipeline = ?1")?;
    forget("DELETE FROM _etl_progress WHERE pipeline = ?1")?;
    forget("UPDATE _etl_lease SET replay_epoch = replay_epoch + 1 WHERE pipeline = ?1")?;
    held.replay_epoch += 1;
    Ok(())
}

fn entries(sqlite: &Connection, held: &Held) -> rusqlite::Result<Vec<Entry>> {
    let key = params![held.pipeline, held.replay_epoch];
    let mut entries: Vec<Entry> = sqlite
        .prepare(
            "SELECT part, start_pos, end_pos, end_byte, end_line, sequence FROM _etl_ledger
             WHERE pipeline = ?1 AND replay_epoch = ?2 ORDER BY part, start_pos",
        )?
        .query_map(key, |row| {
            let end = Cursor {
                ordinal: unsigned(row.get(2)?),
                byte: row.get::<_, Option<i64>>(3)?.map(unsigned),
                line: row.get::<_, Option<i64>>(4)?.map(unsigned),
            };
            let part: Arc<str> = row.get::<_, String>(0)?.into();
            Ok(Entry::new(part, unsigned(row.get(1)?)..end.ordinal, end, unsigned(row.get(5)?), None))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let known = "SELECT part, sequence, progress FROM _etl_progress WHERE pipeline = ?1 AND replay_epoch = ?2";
    for known in sqlite.prepare(known)?.query_map(key, |row| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get::<_, String>(2)?)))? {
        let (part, sequence, progress) = known?;
        let part: Arc<str> = part.into();
        let at =
            entries.iter().filter(|entry| entry.partition == part).map(|entry| entry.end).max_by_key(|end| end.ordinal).unwrap_or_default();
        entries.push(Entry::new(part, at.ordinal..at.ordinal, at, unsigned(sequence), Some(progress.into())));
    }
    Ok(entries)
}

impl Held {
    /// Writes what a transaction holds, in that transaction.
    pub(super) fn record(&self, sqlite: &Connection, name: &str, receipt: &Receipt) -> Result<Recorded> {
        self.renew(sqlite, name)?;
        let recorded = self.enter(sqlite, receipt);
        recorded.map_err(|error| explain(ErrorKind::Load, format!("cannot write to the ledger in {name}"), &error))
    }

    fn enter(&self, sqlite: &Connection, receipt: &Receipt) -> rusqlite::Result<Recorded> {
        for entry in &receipt.entries {
            let (start, end, sequence) = (signed(entry.range.start), signed(entry.range.end), signed(entry.sequence));
            let key = (self.pipeline, self.replay_epoch, &*entry.partition);
            if !entry.range.is_empty() {
                let mut there = sqlite.prepare_cached(
                    "SELECT 1 FROM _etl_ledger WHERE pipeline = ?1 AND replay_epoch = ?2 AND part = ?3 AND start_pos <= ?4 AND end_pos >= ?5",
                )?;
                if there.exists(params![key.0, key.1, key.2, start, end])? {
                    return Ok(Recorded::Already);
                }
                let (byte, line) = (entry.end.byte.map(signed), entry.end.line.map(signed));
                // Behind what is there already it is one stretch with it, so that the table stays small.
                let mut longer = sqlite.prepare_cached(
                    "UPDATE _etl_ledger SET end_pos = ?5, end_byte = ?6, end_line = ?7, sequence = ?8
                     WHERE pipeline = ?1 AND replay_epoch = ?2 AND part = ?3 AND end_pos = ?4",
                )?;
                if longer.execute(params![key.0, key.1, key.2, start, end, byte, line, sequence])? == 0 {
                    sqlite
                        .prepare_cached("INSERT INTO _etl_ledger VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?
                        .execute(params![key.0, key.1, key.2, start, end, byte, line, sequence])?;
                }
            }
            if let Some(progress) = &entry.progress {
                sqlite.prepare_cached("INSERT OR REPLACE INTO _etl_progress VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(params![
                    key.0,
                    key.1,
                    key.2,
                    sequence,
                    &**progress
                ])?;
            }
        }
        Ok(Recorded::New)
    }

    /// Finds out that the lease is still this run's, and has it last longer.
    pub(super) fn renew(&self, sqlite: &Connection, name: &str) -> Result<()> {
        let renew = || -> rusqlite::Result<usize> {
            let longer = "UPDATE _etl_lease SET expires = unixepoch('subsec') + ?3 WHERE pipeline = ?1 AND epoch = ?2";
            sqlite.prepare_cached(longer)?.execute(params![self.pipeline, self.epoch, self.lease])
        };
        match renew() {
            Ok(0) if !mutants::active("epoch_unchecked") => Err(fenced(name)),
            Ok(_) => Ok(()),
            Err(error) => Err(explain(ErrorKind::Load, format!("cannot renew the lease in {name}"), &error)),
        }
    }

    /// Says that this run is over.
    pub(super) fn release(&self, sqlite: &Connection) {
        // Whoever comes next finds out that this process is gone, or waits.
        let _waits =
            sqlite.execute("UPDATE _etl_lease SET expires = 0 WHERE pipeline = ?1 AND epoch = ?2", params![self.pipeline, self.epoch]);
    }

    /// Remembers that records were loaded into `table`, in the transaction that loads them.
    pub(super) fn remember(&self, sqlite: &Connection, table: &str) -> rusqlite::Result<()> {
        sqlite.execute("INSERT OR IGNORE INTO _etl_tables VALUES (?1, ?2)", params![self.pipeline, table]).map(drop)
    }
}

/// SQLite's integers have a sign; positions that need the last bit do not exist.
fn signed(position: u64) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}

fn unsigned(position: i64) -> u64 {
    u64::try_from(position).unwrap_or(0)
}
