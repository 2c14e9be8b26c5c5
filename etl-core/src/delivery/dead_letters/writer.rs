//! The writing end: what a run rejects, and what it has made good.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file::{self, Locked, cannot, sync_directory};
use super::line::{Encoding, LONGEST, LetterLine, Line, RecordId, Tombstone, Why, kept, now};
use super::scan::{Live, Tail, scan};
use crate::contract::error::{Error, ErrorKind, Result};
use crate::contract::position::Position;
use crate::delivery::selection::Selection;

const STOPS: &str = "the run stops rather than lose a rejected record";

/// Lines are written when so many bytes of them wait.
const WRITE: usize = 64 << 10;

/// One rejected record.
#[derive(Debug)]
pub(crate) struct DeadLetter<'a> {
    pub(crate) stage: &'static str,
    pub(crate) position: Position,
    pub(crate) batch_start: u64,
    pub(crate) kind: ErrorKind,
    pub(crate) code: &'static str,
    pub(crate) column: Option<&'a str>,
    pub(crate) message: &'a str,
    pub(crate) attempts: u32,
    pub(crate) payload: Option<Payload<'a>>,
    /// The source yields the same record at this position in every run; only then is a letter that
    /// is there already the same one.
    pub(crate) replayable: bool,
}

/// What is kept of the record.
#[derive(Debug)]
pub(crate) enum Payload<'a> {
    /// Its bytes in the source.
    Source(Cow<'a, [u8]>),
    /// The record itself as a JSON object, where the source has no bytes.
    Json(&'a [u8]),
}

/// Which file, and for whom.
#[derive(Debug)]
pub(crate) struct Opening<'a> {
    pub(crate) path: &'a Path,
    pub(crate) pipeline: &'static str,
    pub(crate) run_id: &'a str,
    pub(crate) replay_epoch: u32,
    /// How large the file may grow, in bytes.
    pub(crate) limit: u64,
    /// The letters whose records this run reads again.
    pub(crate) replays: Option<Arc<Selection>>,
}

/// The file of the dead letters, while a run writes to it.
///
/// A letter that an earlier run wrote (it was killed before it could say so, or read the same source
/// from its beginning) is not written a second time. For that the names of the letters in the file
/// are kept in memory, some 80 bytes each at most: with letters of 400 bytes a fifth of the file,
/// which has a limit.
#[derive(Debug)]
pub(crate) struct DeadLetters {
    path: PathBuf,
    file: File,
    /// Whole lines that are not in the file yet.
    lines: Vec<u8>,
    /// How long the file is up to its last whole line.
    length: u64,
    limit: u64,
    pipeline: &'static str,
    run_id: String,
    replay_epoch: u32,
    /// The letters of earlier runs that this one has not come upon.
    earlier: Live<()>,
    replays: Option<Replays>,
    created: bool,
    /// The name of the file may not be durable yet.
    nameless: bool,
    /// Something is in the file that is not durable yet.
    unsynced: bool,
    /// A write or a sync failed. The kernel may have dropped what it could not write, and would report
    /// success for the rest: this file is not touched again.
    broken: bool,
    posted: u64,
}

/// What became of the records that are read again.
#[derive(Debug)]
struct Replays {
    selection: Arc<Selection>,
    rejected: BTreeSet<u64>,
}

impl DeadLetters {
    /// Opens the file, so that a path that cannot be written is known before a record moves, and
    /// cuts off the half line that a killed run left.
    ///
    /// # Errors
    /// That it cannot be opened or made private, that another run has it, or that a line of it cannot
    /// be read.
    pub(crate) fn open(opening: Opening<'_>) -> Result<Self> {
        let Opening { path, pipeline, run_id, replay_epoch, limit, replays } = opening;
        let Locked { mut file, created } = file::lock(path)?;
        let mut earlier = Live::default();
        let end = scan(path, &file, |_, line| earlier.take(line, |letter| (letter.record.pipeline == pipeline).then_some(())))?;
        let mut length = end.length;
        let mended = match end.tail {
            Tail::Nothing => Ok(()),
            Tail::Torn => file.set_len(length),
            Tail::Unended => file.write_all(b"\n").map(|()| length += 1),
        };
        mended.map_err(|error| cannot("mend", path, &error))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            lines: Vec::new(),
            length,
            limit,
            pipeline,
            run_id: run_id.to_owned(),
            replay_epoch,
            earlier,
            replays: replays.map(|selection| Replays { selection, rejected: BTreeSet::new() }),
            created,
            // A killed run may have left its letters, and the name of the file, to the kernel; they are
            // not written again.
            nameless: true,
            unsynced: length > 0,
            broken: false,
            posted: 0,
        })
    }

    /// Takes in a rejected record. It is durable after the next [`DeadLetters::sync`].
    ///
    /// # Errors
    /// That the file cannot be written, or would grow past its limit.
    pub(crate) fn append(&mut self, letter: &DeadLetter<'_>) -> Result<()> {
        self.intact()?;
        let (encoding, bytes) = match &letter.payload {
            None => (Encoding::Nothing, None),
            Some(Payload::Source(bytes)) => (Encoding::Source, Some(bytes.as_ref())),
            Some(Payload::Json(json)) => (Encoding::Json, Some(*json)),
        };
        let (payload, digest) = bytes.map(kept).unzip();
        let now = now();
        let mut line = LetterLine {
            record: RecordId {
                pipeline: self.pipeline.into(),
                replay_epoch: self.replay_epoch,
                partition: (&*letter.position.partition).into(),
                offset: letter.position.byte,
                ordinal: letter.position.ordinal,
                line: letter.position.line,
            },
            stage: letter.stage.into(),
            kind: letter.kind.as_str().into(),
            code: letter.code.into(),
            message: letter.message.into(),
            column: letter.column.map(Cow::Borrowed),
            attempts: letter.attempts,
            first_seen: (&*now).into(),
            last_seen: (&*now).into(),
            run_id: (&*self.run_id).into(),
            batch_start: letter.batch_start,
            encoding,
            payload: payload.map(Cow::Owned),
            digest,
            replaces: Vec::new(),
        };
        self.posted += 1;
        // A record that is replayed and rejected again has one letter as before, not one of a letter.
        if let Some(Replays { selection, rejected }) = &mut self.replays
            && let Some(chosen) = selection.at(&letter.position.partition, letter.position.ordinal)
        {
            line.attempts = chosen.attempts.saturating_add(letter.attempts.max(1));
            line.first_seen = chosen.first_seen.clone().into();
            if rejected.insert(letter.position.ordinal) {
                line.replaces.clone_from(&chosen.letters);
            }
        } else if letter.replayable && !crate::mutants::active("dead_letters_without_dedup") && self.earlier.found(&line.id()) {
            return Ok(());
        }
        let before = self.lines.len();
        Line::Letter(Box::new(line)).encode(&mut self.lines);
        let length = (self.lines.len() - before) as u64;
        if length > LONGEST || self.length + self.lines.len() as u64 > self.limit {
            self.lines.truncate(before);
            return Err(if length > LONGEST { self.too_long(length) } else { self.full() });
        }
        if self.lines.len() >= WRITE { self.write() } else { Ok(()) }
    }

    /// Says that the records of this range are where they belong, of those that the run reads again:
    /// the letters of all that were not rejected again are taken away. Called after the commit; where
    /// the process is killed before, they are replayed once more.
    ///
    /// # Errors
    /// That the file cannot be written.
    pub(crate) fn settled(&mut self, partition: &str, ordinals: Range<u64>) -> Result<()> {
        self.intact()?;
        let Some(Replays { selection, rejected }) = &self.replays else { return Ok(()) };
        if selection.partition() != partition {
            return Ok(());
        }
        let now = now();
        for (_, chosen) in selection.range(ordinals).filter(|(ordinal, _)| !rejected.contains(ordinal)) {
            for letter in &chosen.letters {
                let tombstone = Tombstone { letter: *letter, why: Why::Replayed, at: (&*now).into(), run_id: Some((&*self.run_id).into()) };
                // No limit holds here: this is what makes room.
                Line::Tombstone(tombstone).encode(&mut self.lines);
            }
        }
        if self.lines.len() >= WRITE { self.write() } else { Ok(()) }
    }

    /// Makes durable what was taken in so far: the file, and its name where it is new. A commit waits
    /// for this (I1).
    ///
    /// # Errors
    /// That it is not durable, and never will be: the run must stop.
    pub(crate) fn sync(&mut self) -> Result<()> {
        if crate::mutants::active("dead_letters_without_sync") {
            return Ok(());
        }
        self.make_durable()
    }

    fn make_durable(&mut self) -> Result<()> {
        self.write()?;
        if self.unsynced {
            self.attempt("make durable", |letters| letters.file.sync_data())?;
            self.unsynced = false;
        }
        if self.nameless && self.length > 0 {
            self.attempt("make durable", |letters| sync_directory(&letters.path))?;
            self.nameless = false;
        }
        Ok(())
    }

    /// Makes everything durable, and removes a new file that nothing was written to. Returns how many
    /// letters were taken in, with those that were there already.
    ///
    /// # Errors
    /// See [`DeadLetters::sync`].
    pub(crate) fn close(mut self) -> Result<u64> {
        self.make_durable()?;
        if self.created && self.length == 0 {
            std::fs::remove_file(&self.path).map_err(|error| cannot("remove", &self.path, &error))?;
        }
        Ok(self.posted)
    }

    /// Writes the lines that wait; where that fails, none of them is left behind in part.
    fn write(&mut self) -> Result<()> {
        self.intact()?;
        if self.lines.is_empty() {
            return Ok(());
        }
        self.attempt("write to", |letters| {
            letters.file.write_all(&letters.lines).inspect_err(|_told_below| {
                // Whether this helps matters less than why the write failed.
                let _second_failure = letters.file.set_len(letters.length);
            })
        })?;
        self.unsynced = true;
        self.length += self.lines.len() as u64;
        self.lines.clear();
        Ok(())
    }

    /// Does it once, and nothing more after it has failed.
    fn attempt(&mut self, doing: &str, act: impl FnOnce(&mut Self) -> std::io::Result<()>) -> Result<()> {
        self.intact()?;
        act(self).map_err(|error| {
            self.broken = true;
            cannot(doing, &self.path, &error).hint(STOPS)
        })
    }

    fn intact(&self) -> Result<()> {
        if !self.broken {
            return Ok(());
        }
        Err(Error::new(ErrorKind::DeadLetter, format!("the dead letters in {} could not be written earlier", self.path.display()))
            .hint(STOPS))
    }

    fn full(&self) -> Error {
        let limit = humansize(self.limit);
        Error::new(ErrorKind::DeadLetter, format!("the dead letters in {} are full: they may take {limit}", self.path.display()))
            .with_code("dead_letters_full")
            .hint("`dlq list` tells what is in them; replay or discard some, or allow more by `--set pipeline.dead_letter_limit=…`")
    }

    fn too_long(&self, length: u64) -> Error {
        let (length, limit) = (humansize(length), humansize(LONGEST));
        Error::new(
            ErrorKind::DeadLetter,
            format!(
                "a record is too large for the dead letters in {}: its line would take {length}, and may take {limit}",
                self.path.display()
            ),
        )
        .with_code("dead_letter_too_large")
        .hint("take the record out of the source, or class its error `skip`")
    }
}

/// In MiB, or in bytes where that is not even.
fn humansize(bytes: u64) -> String {
    if bytes.is_multiple_of(1 << 20) { format!("{} MiB", bytes >> 20) } else { format!("{bytes} bytes") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// fsyncgate: after a failure the kernel reports success for pages that it has dropped.
    #[test]
    fn i1_a_file_that_failed_once_is_not_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rejects.jsonl");
        let opening = Opening { path: &path, pipeline: "p", run_id: "r", replay_epoch: 0, limit: 1 << 20, replays: None };
        let mut letters = DeadLetters::open(opening).unwrap();
        let position = Position { partition: "a.csv".into(), ordinal: 1, byte: None, line: None };
        let letter = DeadLetter {
            stage: "clean",
            position,
            batch_start: 0,
            kind: ErrorKind::Transformation,
            code: "code",
            column: None,
            message: "",
            attempts: 1,
            payload: None,
            replayable: true,
        };
        letters.append(&letter).unwrap();
        let good = std::mem::replace(&mut letters.file, File::open(&path).unwrap());
        assert_eq!(letters.sync().unwrap_err().kind(), ErrorKind::DeadLetter, "it is open for reading only");
        letters.file = good;
        assert!(letters.append(&letter).is_err() && letters.sync().is_err() && letters.settled("a.csv", 0..9).is_err());
        assert_eq!(letters.close().unwrap_err().kind(), ErrorKind::DeadLetter);
        assert_eq!(std::fs::read(&path).unwrap(), b"");
    }
}
