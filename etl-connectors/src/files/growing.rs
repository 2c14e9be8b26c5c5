//! A file of text that runs append to, in its place: who reads it sees what is not committed yet, and
//! may see it being taken back.
//!
//! As long as a run has written something that no checkpoint may know of, there is a note beside the
//! file. So a run that goes on cuts off only what the one before was writing, and no other run appends
//! behind that.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use etl_core::target::{Abandoned, Preparation, Recalled};
use etl_core::{Error, ErrorKind, Result};

use super::identity::Identity;
use super::mark::{self, Described, FileMark};
use super::new_file::{check_directory, directory_of, is_at, lock, open_locked, to_write};
use super::text::Layout;
use super::{Compression, Output, durable};

/// The file of one run.
pub(crate) struct Growing {
    described: Described,
    output: Output,
    /// So much of it is there for good if nothing more is committed.
    committed: u64,
    resumable: bool,
    /// A mark was given out that speaks of what this run has written.
    marked: bool,
    /// Its name may not be durable yet.
    named: bool,
    path: PathBuf,
    /// There is a note beside the file.
    noted: bool,
    /// The names of its columns, where only the first record tells them.
    pub(super) columns: Option<Vec<String>>,
    /// What it began with when the run did, up to the end of the first line.
    pub(super) first_line: Option<Vec<u8>>,
}

impl Growing {
    /// Looks whether the file can be appended to, and changes nothing.
    pub(super) fn look(path: &Path, described: &Described, layout: &Layout, preparation: &Preparation) -> Result<()> {
        if preparation.whole {
            return Err(in_pieces(path));
        }
        if let Some(mark) = &preparation.mark {
            return Self::recall(path, described, mark).map(drop);
        }
        check_name(path)?;
        nobody_else(path)?;
        check_directory(directory_of(path))?;
        match super::new_file::to_read().open(path) {
            Ok(file) => fits(path, &file, layout).map(drop),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Error::io(ErrorKind::Config, format!("cannot open {}", path.display()), &error)),
        }
    }

    /// What has become of a mark's file. It is never [`Recalled::Gone`]: who begins again would append
    /// to another file what readers have seen already.
    pub(super) fn recall(path: &Path, described: &Described, mark: &str) -> Result<Recalled> {
        check_name(path)?;
        let mark = FileMark::decode(mark, described)?;
        let file = mark.open(path)?.ok_or_else(|| mark::gone(&described.path))?;
        mark.check(&file, mark.sealed || !is_noted(path)?)?;
        Ok(Recalled::Holds)
    }

    /// Opens the file, or makes it.
    pub(super) fn open(path: &Path, described: Described, layout: &Layout, preparation: &Preparation) -> Result<Self> {
        if preparation.whole {
            return Err(in_pieces(path));
        }
        check_name(path)?;
        check_directory(directory_of(path))?;
        let mark = preparation.mark.as_deref().map(|mark| FileMark::decode(mark, &described)).transpose()?;
        let (file, made) = match (open_locked(path)?, &mark) {
            (Some(file), _) => (file, false),
            (None, Some(_)) => return Err(mark::gone(&described.path)),
            (None, None) => (make(path)?, true),
        };
        let (mut length, mut columns, mut first_line) = (0, None, None);
        if let Some(mark) = mark {
            if Identity::of(&file).ok() != Some(mark.file) {
                return Err(mark::gone(&described.path));
            }
            mark.check(&file, mark.sealed || !is_noted(path)?)?;
            (length, columns) = (mark.length, mark.columns);
        } else if !made {
            nobody_else(path)?;
            (length, first_line) = fits(path, &file, layout)?;
        }
        let mut output = layout.fit(Output::resume(file, path, length)?);
        if length == 0 {
            output.buffer().extend_from_slice(&layout.header);
        }
        let (resumable, marked) = (preparation.resumable, preparation.mark.is_some());
        let (path, noted) = (path.to_owned(), is_noted(path)?);
        Ok(Self { described, output, committed: length, resumable, marked, named: false, path, noted, columns, first_line })
    }

    /// What a transaction writes to. The first one notes that something is written.
    pub(super) fn output(&mut self) -> Result<&mut Output> {
        if self.resumable && !self.noted {
            self.note().map_err(|error| {
                Error::io(ErrorKind::Storage, format!("cannot note that {} is being written", self.described.path), &error)
            })?;
            self.noted = true;
        }
        Ok(&mut self.output)
    }

    pub(super) fn written(&mut self) -> &mut Output {
        &mut self.output
    }

    fn note(&self) -> io::Result<()> {
        use std::io::Write;
        let mut note = to_write().create(true).truncate(true).open(note_of(&self.path))?;
        note.write_all(&serde_json::to_vec(&Identity::of(self.output.file())?)?)?;
        durable::sync_all(&note)?;
        durable::sync_directory(directory_of(&self.path))
    }

    /// Nothing is there that the last mark does not know of.
    fn take_note_back(&self) -> io::Result<()> {
        match std::fs::remove_file(note_of(&self.path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(()) => durable::sync_directory(directory_of(&self.path)),
        }
    }

    /// Makes durable what is committed, and says what that is.
    pub(super) fn checkpoint(&mut self, sealed: bool) -> Result<String> {
        let length = self.finish(sealed)?;
        let mut mark = FileMark::take(&self.described, self.output.file(), length)?;
        (mark.sealed, mark.columns) = (sealed, self.columns.clone());
        (self.committed, self.marked) = (length, true);
        mark.encode()
    }

    fn finish(&mut self, sealed: bool) -> Result<u64> {
        let length = if sealed { self.output.complete()? } else { self.output.make_durable()? };
        if !self.named {
            durable::sync_directory(directory_of(&self.path)).map_err(|error| {
                Error::io(ErrorKind::Storage, format!("cannot make the directory of {} durable", self.described.path), &error)
            })?;
            self.named = true;
        }
        Ok(length)
    }

    pub(super) fn publish(mut self) -> Result<()> {
        self.finish(true)?;
        self.take_note_back().map_err(|error| Error::io(ErrorKind::Storage, format!("cannot finish {}", self.described.path), &error))
    }

    /// Takes back what no mark speaks of; a run that keeps no marks leaves what it has committed.
    pub(super) fn abandon(mut self) -> Abandoned {
        if !self.resumable {
            return if self.finish(false).is_ok() { Abandoned::Kept } else { Abandoned::Discarded };
        }
        // What cannot be cut off now is cut off by the next run.
        let cut = self.output.file().set_len(self.committed);
        if self.marked {
            // The note stays: nobody here knows whether the last mark was written down, and by the note the
            // next run knows that it may cut off what is behind the one that was.
            return Abandoned::Kept;
        }
        let _cut_off_later = cut.and_then(|()| self.take_note_back());
        Abandoned::Discarded
    }
}

/// The note that a run has written something that no checkpoint may know of.
fn note_of(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    directory_of(path).join(format!(".{name}.appending"))
}

/// Whether there is a note of this very file.
fn is_noted(path: &Path) -> Result<bool> {
    let looked = || -> io::Result<bool> {
        let note = match super::new_file::to_read().open(note_of(path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            opened => opened?,
        };
        let mut text = String::new();
        io::Read::read_to_string(&mut io::Read::take(note, 1 << 10), &mut text)?;
        let noted: Option<Identity> = serde_json::from_str(&text).ok();
        // One that was not written to its end was written before anything else was.
        Ok(noted.is_some() && noted == Identity::at(path)?)
    };
    looked().map_err(|error| Error::io(ErrorKind::Config, format!("cannot look whether {} is being written", path.display()), &error))
}

fn nobody_else(path: &Path) -> Result<()> {
    if is_noted(path)? {
        return Err(Error::new(
            ErrorKind::Config,
            format!("a run was stopped while it appended to {}, and has not gone on", path.display()),
        )
        .with_code("append_unfinished")
        .hint(format!("run that pipeline again first; or repair the end of the file, and remove {}", note_of(path).display())));
    }
    Ok(())
}

fn check_name(path: &Path) -> Result<()> {
    if path.file_name().is_none() {
        return Err(Error::new(ErrorKind::Config, format!("cannot write `{}`: it names no file", path.display())));
    }
    match path.symlink_metadata() {
        Ok(metadata) if !metadata.is_file() => {
            Err(Error::new(ErrorKind::Config, format!("cannot append to {}: it is not a regular file", path.display()))
                .hint("name the file itself, not a link to it: what is appended must be found again"))
        }
        _ => Ok(()),
    }
}

fn in_pieces(path: &Path) -> Error {
    Error::new(ErrorKind::Config, format!("{} is appended to as the run goes: it cannot appear as a whole", path.display()))
        .hint("write a new file with `create`, or remove `atomic: run`")
}

/// Makes the file, and locks it.
fn make(path: &Path) -> Result<File> {
    let file = to_write()
        .create_new(true)
        .open(path)
        .map_err(|error| Error::io(ErrorKind::Config, format!("cannot make {}", path.display()), &error))?;
    lock(&file, path)?;
    if !is_at(&file, path) {
        return Err(mark::gone(&path.to_string_lossy()));
    }
    Ok(file)
}

/// How long a file is that this run has not written, and its first line where that is text. Lines that
/// do not fit to it, or to a line that was cut off, are not appended.
fn fits(path: &Path, file: &File, layout: &Layout) -> Result<(u64, Option<Vec<u8>>)> {
    use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
    let looked = || -> io::Result<(u64, Vec<u8>, u8)> {
        let length = file.metadata()?.len();
        let mut first = Vec::new();
        let mut last = [b'\n'];
        if length > 0 {
            let mut reader = BufReader::new(file);
            reader.seek(SeekFrom::Start(0))?;
            reader.by_ref().take(1 << 20).read_until(b'\n', &mut first)?;
            reader.seek(SeekFrom::Start(length - 1))?;
            reader.read_exact(&mut last)?;
        }
        Ok((length, first, last[0]))
    };
    let (length, first, last) =
        looked().map_err(|error| Error::io(ErrorKind::Config, format!("cannot read {}", path.display()), &error))?;
    if length == 0 || layout.compression != Compression::None {
        return Ok((length, None));
    }
    let refused = |what: &str| Error::new(ErrorKind::Config, format!("cannot append to {}: {what}", path.display()));
    if last != b'\n' {
        return Err(refused("its last line has no end").hint("somebody was stopped while writing it: repair the last line first"));
    }
    if !layout.header.is_empty() && *first != *layout.header {
        return Err(refused("its columns are not those of the records").hint("append to another file"));
    }
    Ok((length, Some(first)))
}
