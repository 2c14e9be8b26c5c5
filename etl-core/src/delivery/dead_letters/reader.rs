//! The reading end: the letters that are still waiting for somebody.

use std::collections::HashSet;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file::{cannot, open_to_read};
use super::id::{Digest, LetterId};
use super::line::{Encoding, Fault, LetterLine, Line, decode};
use super::scan::{Live, scan};
use crate::contract::error::{Error, ErrorKind, Result};
use crate::contract::position::Position;

/// The letters of one pipeline that were neither discarded nor replayed, as the file was when it was
/// read. Others may write to it meanwhile.
#[derive(Debug)]
pub(crate) struct Letters {
    path: PathBuf,
    file: Option<File>,
    /// In the order of the file.
    pub(crate) all: Vec<Letter>,
}

/// A letter without its record, which stays in the file.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) id: LetterId,
    pub(crate) position: Position,
    pub(crate) stage: Arc<str>,
    pub(crate) kind: Arc<str>,
    pub(crate) code: Arc<str>,
    pub(crate) message: Arc<str>,
    pub(crate) column: Option<Arc<str>>,
    pub(crate) attempts: u32,
    pub(crate) first_seen: String,
    pub(crate) last_seen: String,
    pub(crate) run_id: Arc<str>,
    pub(crate) encoding: Encoding,
    pub(crate) digest: Option<Digest>,
    place: Range<u64>,
}

impl Letters {
    /// Reads the file; where there is none, there are no letters.
    ///
    /// # Errors
    /// That it, or a line of it, cannot be read.
    pub(crate) fn read(path: &Path, pipeline: &str) -> Result<Self> {
        let file = open_to_read(path)?;
        let (mut live, mut texts) = (Live::default(), Texts::default());
        if let Some(file) = &file {
            scan(path, file, |place, line| {
                live.take(line, |letter| (letter.record.pipeline == pipeline).then(|| Letter::of(letter, place, &mut texts)));
            })?;
        }
        let mut all: Vec<_> = live.into_all().collect();
        all.sort_by_key(|letter: &Letter| letter.place.start);
        Ok(Self { path: path.to_owned(), file, all })
    }

    /// The record of a letter, where it was kept.
    ///
    /// # Errors
    /// That the file cannot be read, or its line is not what it was.
    pub(crate) fn payload(&self, letter: &Letter) -> Result<Option<Vec<u8>>> {
        let Some(mut file) = self.file.as_ref() else { return Ok(None) };
        let mut line = Vec::new();
        let read = file
            .seek(SeekFrom::Start(letter.place.start))
            .and_then(|_start| file.take(letter.place.end - letter.place.start).read_to_end(&mut line));
        read.map_err(|error| cannot("read", &self.path, &error))?;
        let bytes = match decode(line.trim_ascii()) {
            Ok(Line::Letter(line)) if line.id() == letter.id => line.bytes(),
            Ok(_) => Err(Fault::Field("letter")),
            Err(fault) => Err(fault),
        };
        bytes.map_err(|fault| {
            Error::new(ErrorKind::DeadLetter, format!("letter {} in {} cannot be read: {fault}", letter.id, self.path.display()))
                .with_code("dead_letters_damaged")
        })
    }
}

impl Letter {
    fn of(line: &LetterLine<'_>, place: Range<u64>, texts: &mut Texts) -> Self {
        Self {
            id: line.id(),
            position: Position {
                partition: texts.shared(&line.record.partition),
                ordinal: line.record.ordinal,
                byte: line.record.offset,
                line: line.record.line,
            },
            stage: texts.shared(&line.stage),
            kind: texts.shared(&line.kind),
            code: texts.shared(&line.code),
            message: texts.shared(&line.message),
            column: line.column.as_deref().map(|column| texts.shared(column)),
            attempts: line.attempts,
            first_seen: line.first_seen.as_ref().to_owned(),
            last_seen: line.last_seen.as_ref().to_owned(),
            run_id: texts.shared(&line.run_id),
            encoding: line.encoding,
            digest: line.digest,
            place,
        }
    }
}

/// Texts that stand in many letters, once.
#[derive(Debug, Default)]
struct Texts(HashSet<Arc<str>>);

impl Texts {
    fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.0.insert(Arc::clone(&new));
        new
    }
}
