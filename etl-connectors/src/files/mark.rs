//! What a run's checkpoint remembers of a file: which one it is, how much of it is committed, and how
//! that begins and ends.

use std::fs::File;
use std::io;
use std::path::Path;

use etl_core::target::Preparation;
use etl_core::{Error, ErrorKind, Result, mutants};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::identity::{Identity, Version};
use super::new_file::{NewFile, Over, draft_of, resolved, to_read};

/// The form of the marks that are written; another one is refused.
const VERSION: u32 = 1;

/// Bytes at the begin and at the end of what is committed that are compared.
const SAMPLE: u64 = 4 << 10;

/// What is committed of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileMark {
    version: u32,
    /// The output as the target named it, for people: it may be named in another way now.
    path: String,
    /// How records are written: another way would not fit what is there.
    format: String,
    /// The file, which a rename does not change.
    pub(crate) file: Identity,
    /// So much of it is committed.
    pub(super) length: u64,
    /// Check sums of the begin and the end of that: numbers of files are given again to others.
    begin: u32,
    end: u32,
    /// Everything is committed: only this much may be there when it is published.
    pub(super) sealed: bool,
    /// The file that it may take the place of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) over: Option<Version>,
    /// The names of the columns, where only the first record tells them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) columns: Option<Vec<String>>,
}

/// What is known of the output, for its marks.
#[derive(Clone, Debug)]
pub(crate) struct Described {
    /// As the target names it.
    pub(crate) path: String,
    /// How records are written.
    pub(crate) format: String,
}

/// Where the file of a mark is.
#[derive(Debug)]
pub(crate) enum Found {
    /// Not published.
    Draft,
    /// In its place.
    Published(File),
    /// Nowhere.
    Gone,
}

impl FileMark {
    /// The mark of the first `length` bytes of `file`, which are durable.
    pub(crate) fn take(described: &Described, file: &File, length: u64) -> Result<Self> {
        let taken = || {
            let there = if mutants::active("mark_before_data") { length.min(file.metadata()?.len()) } else { length };
            let (begin, end) = samples(file, there)?;
            Ok(Self {
                version: VERSION,
                path: described.path.clone(),
                format: described.format.clone(),
                file: Identity::of(file)?,
                length,
                begin,
                end,
                sealed: false,
                over: None,
                columns: None,
            })
        };
        taken().map_err(|error: io::Error| Error::io(ErrorKind::Storage, format!("cannot read back {}", described.path), &error))
    }

    /// Reads a mark of this output.
    pub(crate) fn decode(mark: &str, described: &Described) -> Result<Self> {
        let decoded: Self = decode(mark, &described.path)?;
        if decoded.version != VERSION {
            return Err(unreadable(&described.path).caused_by("another version of this program wrote it"));
        }
        if decoded.format != described.format {
            return Err(other_format(&described.path));
        }
        Ok(decoded)
    }

    /// The mark as a checkpoint holds it.
    pub(crate) fn encode(&self) -> Result<String> {
        encode(self, &self.path)
    }

    /// The same of a draft; `sealed` once everything is committed to it.
    pub(crate) fn of_draft(mut self, place: &NewFile, sealed: bool) -> Result<Self> {
        self.over = match place.over() {
            Over::Nothing => None,
            Over::This(known) => Some(known),
            Over::Anything => {
                Version::at(place.path()).map_err(|error| Error::io(ErrorKind::Storage, format!("cannot look at {}", self.path), &error))?
            }
        };
        self.sealed = sealed;
        Ok(self)
    }

    /// What a run may replace that begins again: what `--replace` says, or what the run before has
    /// published or was allowed to replace.
    pub(crate) fn over(path: &Path, described: &Described, preparation: &Preparation) -> Result<Over> {
        let Some(mark) = preparation.replaces.as_deref().filter(|_| !preparation.replace) else { return Ok(preparation.replace.into()) };
        let mark = Self::decode(mark, described)?;
        let failed = |error: io::Error| Error::io(ErrorKind::Config, format!("cannot look at {}", path.display()), &error);
        let known = match mark.published(path)? {
            Some(file) => Some(Version::of(&file).map_err(failed)?),
            None => mark.over,
        };
        let there = Version::at(&resolved(path)).map_err(failed)?;
        Ok(known.filter(|known| there == Some(*known)).map_or(Over::Nothing, Over::This))
    }

    /// Looks where the file is, and whether what was committed is there. Changes nothing.
    pub(crate) fn find(&self, path: &Path) -> Result<Found> {
        if let Some(file) = self.open(&draft_of(&resolved(path)))? {
            self.check(&file, false)?;
            return Ok(Found::Draft);
        }
        Ok(self.published(path)?.map_or(Found::Gone, Found::Published))
    }

    /// The file in its place, if it is the one and what was committed is there.
    pub(crate) fn published(&self, path: &Path) -> Result<Option<File>> {
        let file = self.open(&resolved(path))?;
        file.map(|file| self.check(&file, self.sealed).map(|()| file)).transpose()
    }

    /// The file under this name, if it is the one.
    pub(super) fn open(&self, name: &Path) -> Result<Option<File>> {
        let opened = || {
            if Identity::at(name)? != Some(self.file) {
                return Ok(None);
            }
            let file = to_read().open(name)?;
            Ok((Identity::of(&file)? == self.file).then_some(file))
        };
        opened().or_else(|error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => Ok(None),
            _ => Err(Error::io(ErrorKind::Config, format!("cannot open {}", name.display()), &error)),
        })
    }

    /// Whether what was committed is there, and if `exactly`, nothing behind it.
    ///
    /// # Errors
    /// The file is shorter, longer or holds something else.
    pub(super) fn check(&self, file: &File, exactly: bool) -> Result<()> {
        let found = || {
            let length = file.metadata()?.len();
            if length < self.length {
                return Ok(Some("it is shorter than what was committed to it"));
            }
            if exactly && length != self.length {
                return Ok(Some("something was appended to it since"));
            }
            Ok((samples(file, self.length)? != (self.begin, self.end)).then_some("it holds something else than what was committed to it"))
        };
        let found = found().map_err(|error: io::Error| Error::io(ErrorKind::Config, format!("cannot read {}", self.path), &error))?;
        found.map_or(Ok(()), |what| Err(changed(&self.path, what)))
    }
}

/// The check sums of the begin and the end of the first `length` bytes.
fn samples(file: &File, length: u64) -> io::Result<(u32, u32)> {
    let size = length.min(SAMPLE);
    let mut sample = vec![0; size as usize];
    read_at(file, &mut sample, 0)?;
    let begin = crc32c::crc32c(&sample);
    read_at(file, &mut sample, length - size)?;
    Ok((begin, crc32c::crc32c(&sample)))
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

#[cfg(not(unix))]
fn read_at(mut file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};
    let before = file.stream_position()?;
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(bytes)?;
    file.seek(SeekFrom::Start(before)).map(drop)
}

/// Reads a mark, of which nothing is printed.
pub(super) fn decode<M: DeserializeOwned>(mark: &str, output: &str) -> Result<M> {
    serde_json::from_str(mark).map_err(|_| unreadable(output))
}

pub(super) fn encode<M: Serialize>(mark: &M, output: &str) -> Result<String> {
    serde_json::to_string(mark).map_err(|_| Error::new(ErrorKind::Storage, format!("cannot describe {output} for the checkpoint")))
}

pub(super) fn unreadable(output: &str) -> Error {
    Error::new(ErrorKind::Config, format!("cannot go on in {output}: what the checkpoint says of it cannot be used"))
        .with_code("mark_unreadable")
        .hint("`--fresh` begins again")
}

pub(super) fn other_format(output: &str) -> Error {
    Error::new(ErrorKind::Config, format!("cannot go on in {output}: it was begun in another format or with other columns"))
        .with_code("output_format")
        .hint("go on with what the run was begun with, or begin again with `--fresh --replace`")
}

pub(super) fn changed(output: &str, what: &'static str) -> Error {
    Error::new(ErrorKind::Config, format!("cannot go on in {output}: {what}"))
        .with_code("output_changed")
        .hint("put the file back as the run left it, or begin again with `--fresh --replace`")
}

pub(crate) fn gone(output: &str) -> Error {
    Error::new(ErrorKind::Config, format!("cannot go on in {output}: it is not there any more"))
        .with_code("output_gone")
        .hint("put the file back as the run left it, or begin again with `--fresh`")
}
