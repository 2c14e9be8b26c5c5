//! The checkpoint of a run whose target keeps no ledger: a file that is durable before anything
//! counts on it, two generations of it, and the lock that keeps a second run out.
//!
//! The order is that of every careful writer (Pillai et al., "All File Systems Are Not Created
//! Equal", OSDI 2014): write a new file, sync it, rename it to its name, sync the directory. A sync
//! that failed is not tried again on the same file: the operating system may have dropped what it
//! could not write.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::intervals::Intervals;
use super::progress::Progress;
use crate::contract::error::{Error, ErrorKind, Result};
use crate::contract::hex::hex;
use crate::contract::target::Holder;
use crate::mutants;

/// What a run resumes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The pipeline's name.
    pub pipeline: String,
    /// The part of the source, over all runs.
    pub partition: String,
    /// The target, as it names itself.
    pub target: String,
    /// Rises with every checkpoint.
    pub sequence: u64,
    /// Which records are done.
    pub done: Intervals,
    /// Which of them were rejected at first, and have been replayed.
    #[serde(default)]
    pub replayed: Intervals,
    /// What else is known.
    pub progress: Progress,
    /// What of the target belongs to it.
    pub mark: Option<String>,
    /// The target has been published, with all that is done.
    #[serde(default)]
    pub published: bool,
}

/// The checkpoints of one pipeline, source and target. One run at a time holds it.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    /// Locked as long as it is open.
    _lock: File,
    /// The sequence of the newest file that is there.
    newest: u64,
    /// A write failed: what is on the disk is not known.
    broken: bool,
}

const NAME: &str = "checkpoint.";
const TEMPORARY: &str = ".tmp";

impl Store {
    /// Opens the store of a source and a target in the state folder of a pipeline, which is made if it
    /// is missing, and reads the newest checkpoint in it.
    ///
    /// # Errors
    /// Another run holds it ([`ErrorKind::Unavailable`]); it cannot be read or written; every
    /// checkpoint in it is damaged ([`ErrorKind::Storage`]).
    pub fn open(state: &Path, source: &str, target: &str) -> Result<(Self, Option<Checkpoint>)> {
        let directory = folder(state, source, target);
        let lock = hold(&directory)?;
        let mut generations = generations(&directory).map_err(|error| cannot("read", &directory, &error))?;
        generations.sort_unstable_by_key(|(sequence, _)| std::cmp::Reverse(*sequence));
        let newest = generations.first().map_or(0, |(sequence, _)| *sequence);
        let store = Self { directory, _lock: lock, newest, broken: false };
        let mut damaged = None;
        for (_, path) in generations {
            match decode(&fs::read(&path).map_err(|error| cannot("read", &path, &error))?) {
                Some(checkpoint) => {
                    if damaged.is_some() {
                        tracing::warn!(checkpoint = %path.display(), "the newest checkpoint is damaged: the one before it is used");
                    }
                    return Ok((store, Some(checkpoint)));
                }
                None => damaged = Some(path),
            }
        }
        match damaged {
            None => Ok((store, None)),
            Some(path) => Err(Error::new(ErrorKind::Storage, format!("the checkpoint {} is damaged", path.display()))
                .hint("the disk may be failing; `--fresh` starts again, if the target can be replaced")),
        }
    }

    /// Writes a checkpoint, durably; from then on a run resumes from it.
    ///
    /// # Errors
    /// The disk is full or fails ([`ErrorKind::Storage`]). The checkpoint before it stands.
    pub fn save(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        if self.broken {
            return Err(Error::new(
                ErrorKind::Storage,
                format!("an earlier checkpoint in {} could not be written", self.directory.display()),
            ));
        }
        // No run comes so far: the last number of all is that of a file which somebody else has put there.
        let Some(sequence) = self.newest.checked_add(1) else {
            return Err(Error::new(
                ErrorKind::Storage,
                format!("there is no number behind that of the newest checkpoint in {}", self.directory.display()),
            )
            .hint("remove what was put there by hand"));
        };
        self.broken = true;
        let path = self.path(sequence);
        let written = write_durably(&path, &encode(checkpoint));
        written.map_err(|error| {
            Error::io(ErrorKind::Storage, format!("cannot write the checkpoint {}", path.display()), &error)
                .with_kind(ErrorKind::Storage)
                .hint("the checkpoint before it stands: the next run goes on from there")
        })?;
        self.newest = sequence;
        self.broken = false;
        if sequence > 2 {
            // One generation too many does no harm.
            let _left = fs::remove_file(self.path(sequence - 2));
        }
        Ok(())
    }

    /// Forgets all checkpoints (`--fresh`).
    ///
    /// # Errors
    /// They cannot be removed.
    pub fn clear(&mut self) -> Result<()> {
        let failed = |error: io::Error| cannot("clear", &self.directory, &error);
        // The oldest first, so that a crash half-way leaves none older than those that are gone.
        let mut all = generations(&self.directory).map_err(failed)?;
        all.sort_unstable_by_key(|(sequence, _)| *sequence);
        for (_, path) in all {
            fs::remove_file(&path).map_err(failed)?;
        }
        sync_directory(&self.directory).map_err(failed)
    }

    fn path(&self, sequence: u64) -> PathBuf {
        self.directory.join(format!("{NAME}{sequence}"))
    }
}

/// The folder of a source and a target in the state folder of a pipeline.
#[must_use]
pub fn folder(state: &Path, source: &str, target: &str) -> PathBuf {
    state.join(key(source, target))
}

/// Keeps other runs out of a folder, which is made if it is missing, as long as the file is open.
///
/// # Errors
/// Another run holds it ([`ErrorKind::Unavailable`]); it cannot be made or locked.
pub fn hold(folder: &Path) -> Result<File> {
    make_directory(folder).map_err(|error| cannot("make", folder, &error))?;
    lock(folder)
}

/// Names a source and a target together; the same on every machine.
fn key(source: &str, target: &str) -> String {
    let mut hash = hmac_sha256::Hash::new();
    hash.update(source);
    hash.update([0]);
    hash.update(target);
    hex(&hash.finalize()[..8])
}

fn lock(directory: &Path) -> Result<File> {
    let path = directory.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .map_err(|error| cannot("open", &path, &error))?;
    match file.try_lock() {
        Ok(()) => {
            // Only for whoever finds it locked.
            let _told = file.set_len(0).and_then(|()| serde_json::to_writer(&file, &Holder::this()).map_err(io::Error::from));
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let holder = fs::read(&path).ok().and_then(|text| serde_json::from_slice::<Holder>(&text).ok());
            let holder = holder.map_or_else(|| "another process".to_owned(), |holder| holder.to_string());
            Err(Error::new(ErrorKind::Unavailable, format!("this pipeline runs already, from this source into this target: {holder}"))
                .with_code("already_running")
                .hint("wait for it, or stop it"))
        }
        Err(TryLockError::Error(error)) => {
            Err(cannot("lock", &path, &error).hint("`--state-dir` names a folder on another file system, where files can be locked"))
        }
    }
}

/// The checkpoints that are there, with their sequences. Files that were never finished are not.
fn generations(directory: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix(NAME));
        if let Some(sequence) = name.and_then(|sequence| sequence.parse().ok()) {
            found.push((sequence, path));
        }
    }
    Ok(found)
}

/// One line of JSON, and one with the first half of its SHA-256.
fn encode(checkpoint: &Checkpoint) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(checkpoint).unwrap_or_default();
    let sum = checksum(&bytes);
    bytes.extend_from_slice(format!("\n{sum}\n").as_bytes());
    bytes
}

/// `None` where any of it is not as it was written.
fn decode(bytes: &[u8]) -> Option<Checkpoint> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (json, sum) = text.strip_suffix('\n')?.split_once('\n')?;
    if sum != checksum(json.as_bytes()) {
        return None;
    }
    serde_json::from_str(json).ok()
}

pub(super) fn checksum(bytes: &[u8]) -> String {
    hex(&hmac_sha256::Hash::hash(bytes)[..16])
}

/// Makes a folder and those above it, each durable in the one above.
pub(crate) fn make_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = parent(path);
    make_directory(above)?;
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => made?,
    }
    sync_directory(above)
}

/// Writes a file that is whole or not there, whatever happens, and durable when this returns.
pub(crate) fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(TEMPORARY);
    let in_place = || {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        if !mutants::active("checkpoint_without_fsync") {
            file.sync_all()?;
        }
        fs::rename(&temporary, path)
    };
    if let Err(error) = in_place() {
        // What the error says matters more than whether this helps.
        let _second_failure = fs::remove_file(&temporary);
        return Err(error);
    }
    if mutants::active("checkpoint_without_directory_fsync") {
        return Ok(());
    }
    sync_directory(parent(path))
}

pub(super) fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A new name is durable only with its directory.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

fn cannot(doing: &str, path: &Path, error: &io::Error) -> Error {
    Error::io(ErrorKind::Storage, format!("cannot {doing} {}", path.display()), error)
        .hint("the folder of a pipeline's state is set by `--state-dir`")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::contract::position::Cursor;
    use crate::observe::sample::outline;

    fn checkpoint(sequence: u64) -> Checkpoint {
        Checkpoint {
            pipeline: "flights".to_owned(),
            partition: "flights.csv@0".to_owned(),
            target: "out.csv".to_owned(),
            sequence,
            done: Intervals::first(Cursor { ordinal: sequence, byte: Some(9), line: None }),
            replayed: Intervals::default(),
            progress: Progress::new(&outline().stages, "run", "flights.csv", None),
            mark: Some("{}".to_owned()),
            published: false,
        }
    }

    fn open(state: &Path) -> Result<(Store, Option<Checkpoint>)> {
        Store::open(state, "flights.csv", "out.csv")
    }

    #[test]
    fn i12_the_newest_is_read_and_two_are_kept() {
        let state = tempfile::tempdir().unwrap();
        let state = state.path().join("deep").join("er");
        let (mut store, none) = open(&state).unwrap();
        assert_eq!(none, None);
        for sequence in 1..=5 {
            store.save(&checkpoint(sequence)).unwrap();
        }
        let directory = store.directory.clone();
        drop(store);
        assert_eq!(generations(&directory).unwrap().len(), 2);
        let (mut store, found) = open(&state).unwrap();
        assert_eq!(found, Some(checkpoint(5)));
        store.save(&checkpoint(6)).unwrap();
        store.clear().unwrap();
        drop(store);
        assert_eq!(open(&state).unwrap().1, None);
    }

    #[test]
    fn i5_a_second_run_is_told_who_holds_it() {
        let state = tempfile::tempdir().unwrap();
        let held = open(state.path()).unwrap();
        let error = open(state.path()).unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, "already_running"));
        assert!(error.message().contains(&format!("process {}", std::process::id())), "{error}");
        // Another target is another run.
        Store::open(state.path(), "flights.csv", "other.csv").unwrap();
        drop(held);
        open(state.path()).unwrap();
    }

    #[test]
    fn a_damaged_checkpoint_gives_way_to_the_one_before_and_nothing_else_does() {
        let state = tempfile::tempdir().unwrap();
        let (mut store, _) = open(state.path()).unwrap();
        for sequence in 1..=2 {
            store.save(&checkpoint(sequence)).unwrap();
        }
        let (first, second) = (store.path(1), store.path(2));
        fs::write(store.directory.join("checkpoint.3.tmp"), "half").unwrap();
        drop(store);
        fs::write(&second, &fs::read(&second).unwrap()[1..]).unwrap();
        let (mut store, found) = open(state.path()).unwrap();
        assert_eq!(found, Some(checkpoint(1)));
        // What is written next is newer than the damaged one.
        store.save(&checkpoint(3)).unwrap();
        drop(store);
        assert_eq!(open(state.path()).unwrap().1, Some(checkpoint(3)));
        for path in [&first, &second, &state.path().join(key("flights.csv", "out.csv")).join("checkpoint.3")] {
            if path.exists() {
                fs::write(path, "").unwrap();
            }
        }
        assert_eq!(open(state.path()).unwrap_err().kind(), ErrorKind::Storage);
    }

    #[test]
    fn behind_the_last_number_nothing_is_written() {
        let state = tempfile::tempdir().unwrap();
        let (mut store, _) = open(state.path()).unwrap();
        store.save(&checkpoint(1)).unwrap();
        fs::rename(store.path(1), store.path(u64::MAX)).unwrap();
        drop(store);
        let (mut store, found) = open(state.path()).unwrap();
        assert_eq!(found, Some(checkpoint(1)));
        assert_eq!(store.save(&checkpoint(2)).unwrap_err().kind(), ErrorKind::Storage);
        drop(store);
        assert_eq!(open(state.path()).unwrap().1, Some(checkpoint(1)));
    }

    proptest! {
        #[test]
        fn i1_no_flipped_bit_is_overlooked(at: prop::sample::Index, bit in 0_u8..8) {
            let mut bytes = encode(&checkpoint(7));
            prop_assert_eq!(decode(&bytes), Some(checkpoint(7)));
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert_eq!(decode(&bytes), None);
            prop_assert_eq!(decode(&bytes[..at]), None);
        }
    }
}
