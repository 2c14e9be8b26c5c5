//! The intent log of stages with effects outside of the process: what they were about to do, written
//! down before they did it, so that it can be undone after any crash.
//!
//! A line is JSON, a tab and a checksum. There are four of them:
//!
//! | line | when | durable |
//! |---|---|---|
//! | `intended` | before the first call of a batch, all records of it at once | before the call |
//! | `done` | behind each call, with what it returned | with the next line that is |
//! | `committed` | when the target holds the records | with the next line that is |
//! | `compensated` | when an effect is undone | before the next is undone |
//!
//! A line that may be lost costs nothing but knowledge: without `done` it is not known whether the
//! effect took place, and without `committed` the target is asked. What is lost is the end of the
//! file or a hole in what was never synced, so a line that does not agree with its checksum is passed
//! over. Each `intended` names the one before, so one of them that is missing in the middle is found
//! out: the disk has lost what it had promised to keep.
//!
//! [`Intents`] is the state machine, [`IntentLog`] its file.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::checkpoint::{checksum, parent, sync_directory};
use crate::contract::error::{Error, ErrorKind, Result};
use crate::mutants;

/// The log's name in the folder of a pipeline, source and target.
const NAME: &str = "intents";
/// The log is written anew when so much of it was added since it was written last.
const GROWTH: u64 = 1 << 20;

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// The stage is about to be called with these records.
    Intended {
        /// The number of the first; the others count on.
        first: u64,
        /// The number of the first of the line of this kind before it in the file.
        before: Option<u64>,
        /// The stage's name.
        stage: String,
        /// The part of the source, over all runs.
        partition: String,
        /// The number of each record in the source, and the record as JSON.
        records: Vec<(u64, String)>,
    },
    /// The call has returned, and what.
    Done {
        /// The number of the intent.
        number: u64,
        /// The record that it returned as JSON, if it returned one.
        output: Option<String>,
    },
    /// Records that the target holds.
    Committed {
        /// The part of the source.
        partition: String,
        /// Their numbers in it.
        ranges: Vec<Range<u64>>,
    },
    /// The effect is undone.
    Compensated {
        /// The number of the intent.
        number: u64,
    },
}

/// An effect that may have taken place and is neither committed nor undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Its number: effects are undone from the highest to the lowest.
    pub number: u64,
    /// The stage's name.
    pub stage: Arc<str>,
    /// The part of the source.
    pub partition: Arc<str>,
    /// The number of the record in it.
    pub ordinal: u64,
    /// What the stage was called with, as JSON.
    pub input: String,
    /// What it returned, as JSON; `None` where it is not known to have returned a record.
    pub output: Option<String>,
}

/// What the lines of a log come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intents {
    open: BTreeMap<u64, Intent>,
    /// The number of the next intent.
    next: u64,
    /// The first number of the last line of intents.
    last: Option<u64>,
}

impl Intents {
    /// Takes in the next line. `false` where a line of intents before it is missing.
    #[must_use]
    pub fn apply(&mut self, line: Line) -> bool {
        match line {
            Line::Intended { first, before, stage, partition, records } => {
                let Some(behind) = first.checked_add(records.len() as u64) else { return false };
                if before != self.last || first < self.next {
                    return false;
                }
                self.last = Some(first);
                let (stage, partition): (Arc<str>, Arc<str>) = (stage.into(), partition.into());
                for (number, (ordinal, input)) in (first..behind).zip(records) {
                    let (stage, partition) = (Arc::clone(&stage), Arc::clone(&partition));
                    self.open.insert(number, Intent { number, stage, partition, ordinal, input, output: None });
                    self.next = number + 1;
                }
            }
            Line::Done { number, output } => {
                if let Some(intent) = self.open.get_mut(&number) {
                    intent.output = output;
                }
            }
            Line::Committed { partition, ranges } => {
                self.open
                    .retain(|_, intent| *intent.partition != *partition || !ranges.iter().any(|range| range.contains(&intent.ordinal)));
            }
            Line::Compensated { number } => {
                self.open.remove(&number);
            }
        }
        true
    }

    /// What is neither committed nor undone, the newest first.
    pub fn open(&self) -> impl Iterator<Item = &Intent> {
        self.open.values().rev()
    }

    /// The lines that come to the same.
    fn lines(&self) -> impl Iterator<Item = Line> + '_ {
        let mut before = None;
        self.open.values().flat_map(move |intent| {
            let intended = Line::Intended {
                first: intent.number,
                before: before.replace(intent.number),
                stage: intent.stage.to_string(),
                partition: intent.partition.to_string(),
                records: vec![(intent.ordinal, intent.input.clone())],
            };
            let done = intent.output.clone().map(|output| Line::Done { number: intent.number, output: Some(output) });
            std::iter::once(intended).chain(done)
        })
    }
}

/// The file. One run at a time has it: whoever opens it holds the lock of its folder.
#[derive(Debug)]
pub struct IntentLog {
    path: PathBuf,
    file: File,
    /// The number of the next intent.
    next: u64,
    /// The first number of the last line of intents in the file.
    last: Option<u64>,
    size: u64,
    /// Its size when it was written last as a whole.
    floor: u64,
    /// A write failed: what is in the file is not known.
    broken: bool,
    /// What a seeded bug holds back.
    held: Vec<u8>,
}

impl IntentLog {
    /// Opens the log in `folder`, which is made if it is missing. What was not written to its end is
    /// cut off.
    ///
    /// # Errors
    /// It cannot be read or written, or is damaged ([`ErrorKind::Storage`]).
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(NAME);
        let failed = |error: io::Error| cannot("open", &path, &error);
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(failed)?;
        sync_directory(folder).map_err(failed)?;
        let mut log = Self { path, file, next: 0, last: None, size: 0, floor: 0, broken: false, held: Vec::new() };
        let (intents, size) = log.read()?;
        log.file.set_len(size).and_then(|()| log.file.sync_all()).map_err(|error| cannot("mend", &log.path, &error))?;
        (log.next, log.last, log.size, log.floor) = (intents.next, intents.last, size, size);
        Ok(log)
    }

    /// Whether there is a log in `folder` that says anything.
    #[must_use]
    pub fn is_there(folder: &Path) -> bool {
        fs::metadata(folder.join(NAME)).is_ok_and(|file| file.len() > 0)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is neither committed nor undone.
    ///
    /// # Errors
    /// It cannot be read, or is damaged.
    pub fn intents(&mut self) -> Result<Intents> {
        Ok(self.read()?.0)
    }

    /// Writes down what `stage` is about to be called with, durably, and gives back the number of the
    /// first.
    ///
    /// # Errors
    /// The disk is full or fails: the stage must not be called.
    pub fn intend(&mut self, stage: &str, partition: &str, records: Vec<(u64, String)>) -> Result<u64> {
        let first = self.next;
        let Some(next) = first.checked_add(records.len() as u64) else {
            return Err(Error::new(ErrorKind::Storage, format!("there is no number left in the log of intents {}", self.path.display()))
                .hint("a line with one of the last numbers was put there by hand"));
        };
        let line = Line::Intended { first, before: self.last, stage: stage.to_owned(), partition: partition.to_owned(), records };
        if mutants::active("intent_after_effect") {
            self.held.extend(encode(&line));
        } else {
            self.append(&line)?;
            self.sync()?;
        }
        (self.next, self.last) = (next, Some(first));
        Ok(first)
    }

    /// Writes down that a call has returned, and what.
    ///
    /// # Errors
    /// The disk is full or fails.
    pub fn done(&mut self, number: u64, output: Option<String>) -> Result<()> {
        if !self.held.is_empty() {
            let held = std::mem::take(&mut self.held);
            self.write(&held)?;
        }
        self.append(&Line::Done { number, output })
    }

    /// Writes down that the target holds records, and forgets the intents of those when it is time to.
    ///
    /// # Errors
    /// The disk is full or fails.
    pub fn committed(&mut self, partition: &str, ranges: Vec<Range<u64>>) -> Result<()> {
        self.append(&Line::Committed { partition: partition.to_owned(), ranges })?;
        if self.size > self.floor + GROWTH { self.compact() } else { Ok(()) }
    }

    /// Writes down that an effect is undone, durably.
    ///
    /// # Errors
    /// The disk is full or fails.
    pub fn compensated(&mut self, number: u64) -> Result<()> {
        self.append(&Line::Compensated { number })?;
        self.sync()
    }

    /// Forgets everything: all of it is committed or undone.
    ///
    /// # Errors
    /// The disk fails.
    pub fn clear(&mut self) -> Result<()> {
        self.held.clear();
        self.file.set_len(0).and_then(|()| self.file.sync_all()).map_err(|error| cannot("empty", &self.path, &error))?;
        (self.last, self.size, self.floor) = (None, 0, 0);
        Ok(())
    }

    /// Writes the log anew with what is still open, under its name at once.
    ///
    /// # Errors
    /// The disk is full or fails; the log stands as it was.
    pub fn compact(&mut self) -> Result<()> {
        let (intents, _) = self.read()?;
        let bytes: Vec<u8> = intents.lines().flat_map(|line| encode(&line)).collect();
        let (file, last) = self.replace(&bytes).map_err(|error| cannot("write", &self.path, &error)).map(|file| {
            let last = intents.open.keys().next_back().copied();
            (file, last)
        })?;
        (self.file, self.last) = (file, last);
        (self.size, self.floor) = (bytes.len() as u64, bytes.len() as u64);
        Ok(())
    }

    fn replace(&self, bytes: &[u8]) -> io::Result<File> {
        let temporary = self.path.with_extension("tmp");
        let _left_by_a_crash = fs::remove_file(&temporary);
        let mut options = OpenOptions::new();
        options.create_new(true).read(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&temporary)?;
        mutants::strike("intents", bytes, &mut file);
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, &self.path)?;
        sync_directory(parent(&self.path))?;
        Ok(file)
    }

    /// What the file says, and where its last whole line ends.
    fn read(&mut self) -> Result<(Intents, u64)> {
        let mut bytes = Vec::new();
        self.file
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.file.read_to_end(&mut bytes))
            .map_err(|error| cannot("read", &self.path, &error))?;
        let (intents, size) = decode(&bytes).ok_or_else(|| {
            Error::new(ErrorKind::Storage, format!("the log of intents {} is damaged: a part of it is missing", self.path.display()))
                .hint("the disk may be failing; what the pipeline did outside of the process must be looked at by hand before the file is removed")
        })?;
        Ok((intents, size as u64))
    }

    fn append(&mut self, line: &Line) -> Result<()> {
        self.write(&encode(line))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if self.broken {
            return Err(Error::new(ErrorKind::Storage, format!("an earlier line of {} could not be written", self.path.display())));
        }
        self.broken = true;
        let written = self.file.seek(SeekFrom::Start(self.size)).and_then(|_| {
            mutants::strike("intents", bytes, &mut self.file);
            self.file.write_all(bytes)
        });
        written.map_err(|error| cannot("write", &self.path, &error))?;
        self.size += bytes.len() as u64;
        self.broken = false;
        Ok(())
    }

    /// A sync that failed is not tried again: the operating system may have dropped what it could not
    /// write.
    fn sync(&mut self) -> Result<()> {
        self.broken = true;
        self.file.sync_data().map_err(|error| cannot("write", &self.path, &error))?;
        self.broken = false;
        Ok(())
    }
}

fn encode(line: &Line) -> Vec<u8> {
    // Numbers and texts written to memory have no way to fail.
    let mut bytes = serde_json::to_vec(line).unwrap_or_default();
    let sum = checksum(&bytes);
    bytes.push(b'\t');
    bytes.extend_from_slice(sum.as_bytes());
    bytes.push(b'\n');
    bytes
}

/// What the lines come to, and where the last whole one ends; `None` where one is missing between
/// others.
fn decode(bytes: &[u8]) -> Option<(Intents, usize)> {
    let (mut intents, mut whole, mut at) = (Intents::default(), 0, 0);
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        at += line.len();
        let Some(line) = decode_line(line) else { continue };
        if !intents.apply(line) {
            return None;
        }
        whole = at;
    }
    Some((intents, whole))
}

fn decode_line(line: &[u8]) -> Option<Line> {
    let (json, sum) = std::str::from_utf8(line).ok()?.strip_suffix('\n')?.rsplit_once('\t')?;
    if sum != checksum(json.as_bytes()) {
        return None;
    }
    serde_json::from_str(json).ok()
}

fn cannot(doing: &str, path: &Path, error: &io::Error) -> Error {
    Error::io(ErrorKind::Storage, format!("cannot {doing} the log of intents {}", path.display()), error)
        .with_kind(ErrorKind::Storage)
        .hint("it is in the folder of the pipeline's state, which is set by `--state-dir`")
}

#[cfg(test)]
mod tests;
