//! Reads the file line by line, in memory for one line.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _, Seek as _};
use std::ops::Range;
use std::path::Path;

use super::file::cannot;
use super::id::LetterId;
use super::line::{Fault, LONGEST, LetterLine, Line, decode};
use crate::contract::error::{Error, ErrorKind, Result};

/// What stands behind the last whole line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    Nothing,
    /// A part of a line: the writer was killed, or is writing it now.
    Torn,
    /// A line that lacks nothing but its end; it has been handed out.
    Unended,
}

/// Where the whole lines end.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    /// The length of all lines that were handed out.
    pub(super) length: u64,
    pub(super) tail: Tail,
}

/// Hands out every line with its place in the file.
///
/// # Errors
/// That the file cannot be read, or holds a line that is no dead letter: named by its number, never
/// by what it says (I8).
pub(super) fn scan(path: &Path, file: &File, mut each: impl FnMut(Range<u64>, &Line<'_>)) -> Result<End> {
    let mut start = file;
    start.rewind().map_err(|error| cannot("read", path, &error))?;
    let mut reader = BufReader::with_capacity(64 << 10, file);
    let (mut line, mut number, mut length) = (Vec::new(), 0_u64, 0_u64);
    loop {
        line.clear();
        let read = reader.by_ref().take(LONGEST + 1).read_until(b'\n', &mut line).map_err(|error| cannot("read", path, &error))?;
        let end = length + read as u64;
        number += 1;
        let ended = line.last() == Some(&b'\n');
        let text = line.trim_ascii();
        match decode(text) {
            _ if read == 0 => return Ok(End { length, tail: Tail::Nothing }),
            Ok(decoded) => {
                each(length..end, &decoded);
                length = end;
                if !ended {
                    return Ok(End { length, tail: Tail::Unended });
                }
            }
            Err(_) if line.len() as u64 > LONGEST => return Err(unreadable(path, number, Fault::TooLong)),
            Err(_) if !ended => return Ok(End { length, tail: Tail::Torn }),
            Err(_) if text.is_empty() => length = end,
            // Blocks that a power failure kept from the disk read as zeros, which no line has. So from here on
            // nothing had been made durable: no commit has passed these letters, and their records are read again.
            Err(_) if line.contains(&0) => return Ok(End { length, tail: Tail::Torn }),
            Err(fault) => return Err(unreadable(path, number, fault)),
        }
    }
}

pub(super) fn unreadable(path: &Path, number: u64, fault: Fault) -> Error {
    Error::new(ErrorKind::DeadLetter, format!("line {number} of the dead letters in {} cannot be read: {fault}", path.display()))
        .with_code("dead_letters_damaged")
        .hint("keep a copy of the file and mend or remove that line; nothing of the file was changed")
}

/// What is left when every line has had its effect: letters come, tombstones and letters that
/// replace others take away what stands before them.
#[derive(Debug)]
pub(super) struct Live<T> {
    letters: HashMap<LetterId, Vec<T>>,
}

impl<T> Default for Live<T> {
    fn default() -> Self {
        Self { letters: HashMap::new() }
    }
}

impl<T> Live<T> {
    /// Takes in a line. `keep` makes of a letter what is to be known of it later.
    pub(super) fn take(&mut self, line: &Line<'_>, keep: impl FnOnce(&LetterLine<'_>) -> Option<T>) {
        match line {
            Line::Tombstone(tombstone) => drop(self.letters.remove(&tombstone.letter)),
            Line::Letter(letter) => {
                for id in &letter.replaces {
                    self.letters.remove(id);
                }
                if let Some(kept) = keep(letter) {
                    self.letters.entry(letter.id()).or_default().push(kept);
                }
            }
        }
    }

    /// Whether such a letter is there; it is found once.
    pub(super) fn found(&mut self, id: &LetterId) -> bool {
        self.letters.get_mut(id).is_some_and(|kept| kept.pop().is_some())
    }

    /// Everything, in no order.
    #[cfg(feature = "cli")]
    pub(super) fn into_all(self) -> impl Iterator<Item = T> {
        self.letters.into_values().flatten()
    }
}
