//! A database that nobody else can see before its run ends well.
//!
//! Where a run may be gone on with, its draft stays under a name that the next run finds, and every
//! commit in it survives a kill, with its ledger. A database that was published is only read until
//! something is to be added; then it is copied, because it appears as a whole again or not at all.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use etl_core::target::{Claim, Entry, Preparation};
use etl_core::{Error, ErrorKind, Result};
use rusqlite::{Connection, OpenFlags};

use super::errors::explain;
use super::ledger::{self, Held};
use crate::files::{FileVersion, NewFile, Over, check_output};

/// The file of a run.
pub(super) enum Private {
    /// Its own: gone with the run if that does not end well.
    Passing { file: File, place: NewFile },
    /// A draft that the next run goes on with.
    Kept { file: File, place: NewFile, whole: bool },
    /// What an earlier run has published; nothing has been added yet.
    Published { path: PathBuf, replace: bool, claim: Option<Box<Claim>> },
}

impl Private {
    /// Makes the file, or finds what an earlier run has left.
    pub(super) fn prepare(path: &Path, preparation: &Preparation) -> Result<Self> {
        if !preparation.resumable {
            let (file, place) = NewFile::create(path, preparation.replace)?;
            return Ok(Self::Passing { file, place });
        }
        let over = over(path, preparation.replace)?;
        if let Some((file, place)) = NewFile::reopen(path, over)? {
            let looked = is_half_copied(&file);
            let half =
                looked.map_err(|error| Error::io(ErrorKind::Config, format!("cannot look at {}", place.temporary().display()), &error))?;
            if !half {
                return Ok(Self::Kept { file, place, whole: preparation.whole });
            }
            // There is nothing in it that is not in what it was copied from.
            place.discard();
        }
        if path.is_file() && ledger::is_kept(path) {
            return Ok(Self::Published { path: path.to_owned(), replace: preparation.replace, claim: None });
        }
        Self::keep(path, Over::from(preparation.replace), preparation.whole)
    }

    /// Looks whether the place can be written, and changes nothing.
    pub(super) fn look(path: &Path, preparation: &Preparation) -> Result<()> {
        let ours = preparation.resumable && path.is_file() && ledger::is_kept(path);
        check_output(path, preparation.replace || ours)
    }

    fn keep(path: &Path, over: Over, whole: bool) -> Result<Self> {
        let (file, place) = NewFile::keep(path, over)?;
        // A journal of an earlier draft would be taken for one of this.
        for end in ["-wal", "-shm", "-journal"] {
            let mut journal = place.temporary().as_os_str().to_owned();
            journal.push(end);
            match fs::remove_file(&journal) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::io(ErrorKind::Config, format!("cannot remove {}", Path::new(&journal).display()), &error));
                }
                _ => {}
            }
        }
        Ok(Self::Kept { file, place, whole })
    }

    /// Opens the database.
    pub(super) fn open(&self) -> rusqlite::Result<Connection> {
        match self {
            Self::Passing { place, .. } => {
                let sqlite = writable(place.temporary())?;
                // No lock and no sync is needed until it is published, and what a transaction changes can be
                // kept in memory to take it back.
                sqlite.execute_batch(
                    "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -2048;",
                )?;
                Ok(sqlite)
            }
            Self::Kept { place, .. } => {
                let sqlite = writable(place.temporary())?;
                // After a power failure it is as it was at some commit: the ledger in it says at which. A page that many
                // commits change is copied out of the log once, if that is long (64 MB).
                sqlite.execute_batch(
                    "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; \
                     PRAGMA cache_size = -2048; PRAGMA wal_autocheckpoint = 16000;",
                )?;
                Ok(sqlite)
            }
            Self::Published { path, .. } => {
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                Connection::open_with_flags(path, flags)
            }
        }
    }

    /// Whether the run's tables are to be made as records come.
    pub(super) fn is_published(&self) -> bool {
        matches!(self, Self::Published { .. })
    }
}

/// What every database begins with.
const HEADER: &[u8; 16] = b"SQLite format 3\0";

/// Copies a database that was published. The header comes last, when all the rest is durable: a copy that was left half-way has
/// none, so that it is not taken for a draft with commits in it.
fn copy(published: &Path, mut draft: &File) -> io::Result<()> {
    let mut published = File::open(published)?;
    let mut header = [0; HEADER.len()];
    published.read_exact(&mut header)?;
    draft.seek(SeekFrom::Start(HEADER.len() as u64))?;
    io::copy(&mut published, &mut draft)?;
    draft.sync_all()?;
    draft.seek(SeekFrom::Start(0))?;
    draft.write_all(&header)?;
    draft.sync_all()
}

/// Whether a draft is a [copy](copy) that was left half-way.
fn is_half_copied(mut draft: &File) -> io::Result<bool> {
    let mut header = Vec::with_capacity(HEADER.len());
    draft.seek(SeekFrom::Start(0))?;
    draft.take(HEADER.len() as u64).read_to_end(&mut header)?;
    // One that is empty was made for records, and none has come.
    Ok(!header.is_empty() && header != HEADER)
}

fn writable(path: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

/// Moves all of a draft into the one file that is renamed.
pub(super) fn into_one_file(sqlite: &Connection) -> rusqlite::Result<()> {
    to_its_end(sqlite, "PRAGMA wal_checkpoint(TRUNCATE)", |_| Ok(()))?;
    // What is behind is journaled in the old way, and of such a journal the checksum sees only a part of what
    // a power failure may tear: it must be whole before it counts.
    sqlite.execute_batch("PRAGMA synchronous = FULL")?;
    // That it stays as it was is an answer to this, not an error.
    match to_its_end(sqlite, "PRAGMA journal_mode = DELETE", |row| row.get::<_, String>(0))?.as_deref() {
        Some("delete") => Ok(()),
        _ => Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR), None)),
    }
}

/// The last row of a statement. What it changes is only written behind that, so that whoever stops at a
/// row is not told that it could not be.
fn to_its_end<T>(sqlite: &Connection, sql: &str, read: impl Fn(&rusqlite::Row<'_>) -> rusqlite::Result<T>) -> rusqlite::Result<Option<T>> {
    let mut statement = sqlite.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut last = None;
    while let Some(row) = rows.next()? {
        last = Some(read(row)?);
    }
    Ok(last)
}

/// What a draft may take the place of: of what is there, if that is a database with a ledger like its
/// own.
fn over(path: &Path, replace: bool) -> Result<Over> {
    if replace || !path.is_file() || !ledger::is_kept(path) {
        return Ok(replace.into());
    }
    let there =
        FileVersion::at(path).map_err(|error| Error::io(ErrorKind::Config, format!("cannot look at {}", path.display()), &error))?;
    Ok(there.map_or(Over::Nothing, Over::This))
}

/// A connection to a private database, as far as it is one.
pub(super) struct Opened {
    pub(super) sqlite: Connection,
    pub(super) private: Private,
    pub(super) held: Option<Held>,
}

impl Opened {
    /// Becomes the only run of the draft, and reads what it holds; of a database that was published only
    /// what it holds.
    pub(super) fn claim(self, name: &str, claim: &Claim) -> Result<(Self, Vec<Entry>)> {
        let Self { mut sqlite, private, held } = self;
        match private {
            Private::Published { path, replace, .. } => {
                let known = ledger::read(&sqlite, name, claim.pipeline)?;
                if let Some(entries) = known.filter(|_| !claim.fresh) {
                    let private = Private::Published { path, replace, claim: Some(Box::new(claim.clone())) };
                    return Ok((Self { sqlite, private, held }, entries));
                }
                // Another pipeline's, or to be made again.
                check_output(&path, replace)?;
                Self::begin(Private::keep(&path, Over::Anything, false)?, name, claim)
            }
            Private::Kept { place, file, whole } if claim.fresh => {
                drop((sqlite, file));
                let path = place.path().to_owned();
                Self::begin(Private::keep(&path, place.over(), whole)?, name, claim)
            }
            Private::Kept { .. } | Private::Passing { .. } => {
                if let Some(other) = ledger::other_pipeline(&sqlite, claim.pipeline) {
                    return Err(Error::new(ErrorKind::Config, format!("a run of the pipeline {other} was stopped while it made {name}"))
                        .hint("let that pipeline finish it, or remove its draft beside the output"));
                }
                let (held, entries) = ledger::claim(&mut sqlite, name, claim)?;
                Ok((Self { sqlite, private, held: Some(held) }, entries))
            }
        }
    }

    fn begin(private: Private, name: &str, claim: &Claim) -> Result<(Self, Vec<Entry>)> {
        let mut sqlite =
            private.open().map_err(|error| explain(ErrorKind::Config, format!("cannot open a new database for {name}"), &error))?;
        let mut anew = claim.clone();
        anew.fresh = false;
        let (held, entries) = ledger::claim(&mut sqlite, name, &anew)?;
        Ok((Self { sqlite, private, held: Some(held) }, entries))
    }

    /// Something is to be added: a database that was published is copied first.
    pub(super) fn writable(self, name: &str) -> Result<Self> {
        let Private::Published { path, claim, .. } = &self.private else { return Ok(self) };
        let claim = claim.clone().map_or_else(|| Claim::new("", ""), |claim| *claim);
        let failed = |error: &io::Error| Error::io(ErrorKind::Storage, format!("cannot copy {}", path.display()), error);
        let over = over(path, false)?;
        let kept = Private::keep(path, over, false)?;
        if let Private::Kept { file, .. } = &kept {
            copy(path, file).map_err(|error| failed(&error))?;
        }
        drop(self.sqlite);
        Ok(Self::begin(kept, name, &claim)?.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(path: &Path) -> Vec<u8> {
        let sqlite = Connection::open(path).unwrap();
        sqlite
            .execute_batch("CREATE TABLE _etl_lease (pipeline TEXT); INSERT INTO _etl_lease VALUES ('Ours'), (hex(zeroblob(9000)))")
            .unwrap();
        drop(sqlite);
        fs::read(path).unwrap()
    }

    #[test]
    fn i2_a_copy_that_was_left_half_way_is_no_draft() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out.db");
        let published = database(&path);
        let resumable = Preparation::new(false, false).resumable(None);
        // What a kill leaves of it: nothing, the beginning without the header, everything but the header, everything.
        let half = [vec![0; HEADER.len()], published[HEADER.len()..published.len() / 2].to_vec()].concat();
        let almost = [vec![0; HEADER.len()], published[HEADER.len()..].to_vec()].concat();
        for (left, is_draft) in [(Vec::new(), true), (half, false), (almost, false), (published.clone(), true)] {
            let (file, place) = NewFile::keep(&path, Over::Anything).unwrap();
            let draft = place.temporary().to_owned();
            drop((file, place));
            fs::write(&draft, left).unwrap();
            let private = Private::prepare(&path, &resumable).unwrap();
            assert_eq!(private.is_published(), !is_draft);
            assert_eq!(draft.exists(), is_draft, "what is not wanted is not left behind");
            assert_eq!(fs::read(&path).unwrap(), published);
        }
    }

    #[test]
    fn a_copy_is_what_was_copied() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out.db");
        let published = database(&path);
        let (file, place) = NewFile::keep(&path, Over::Anything).unwrap();
        copy(&path, &file).unwrap();
        assert_eq!(fs::read(place.temporary()).unwrap(), published);
        assert!(!is_half_copied(&file).unwrap());
    }
}
