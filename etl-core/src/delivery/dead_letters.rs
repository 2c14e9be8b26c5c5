//! Rejected records at rest: JSON Lines, readable by their owner only, on disk before the run says
//! so.
//!
//! The file is appended to, never overwritten: two runs of one pipeline share it, and each line
//! names its run. The format of a line is described in `docs/dead-letters.md`.

use std::borrow::Cow;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::contract::error::{Error, ErrorKind, Result};
use crate::contract::hex::hex;
use crate::contract::position::Position;

/// The version of the line format; raised when a field changes its meaning or goes.
pub const VERSION: u32 = 1;

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
}

/// What is kept of the record.
#[derive(Debug)]
pub(crate) enum Payload<'a> {
    /// Its bytes in the source.
    Source(Cow<'a, [u8]>),
    /// The record itself as a JSON object, where the source has no bytes.
    Json(&'a [u8]),
}

#[derive(Serialize)]
struct Line<'a> {
    v: u32,
    id: Id<'a>,
    stage: &'a str,
    stage_version: u32,
    error_kind: &'a str,
    error_code: &'a str,
    error_class: &'a str,
    sanitized_message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<&'a str>,
    attempts: u32,
    first_seen: &'a str,
    last_seen: &'a str,
    run_id: &'a str,
    batch_start: u64,
    payload_encoding: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_sha256: Option<String>,
    redactions: [&'a str; 0],
}

/// Names the record: the same for the same record of the same source, whatever run reads it.
#[derive(Serialize)]
struct Id<'a> {
    pipeline: &'a str,
    replay_epoch: u32,
    partition: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    ordinal: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
}

/// The file of one run's dead letters.
#[derive(Debug)]
pub(crate) struct DeadLetters {
    path: PathBuf,
    file: File,
    /// Whole lines that are not in the file yet.
    lines: Vec<u8>,
    /// How long the file is up to its last whole line.
    length: u64,
    pipeline: &'static str,
    run_id: String,
    created: bool,
    written: u64,
}

impl DeadLetters {
    /// Opens the file, so that a path that cannot be written is known before a record moves.
    ///
    /// # Errors
    /// That it cannot be opened or made private.
    pub(crate) fn open(path: &Path, pipeline: &'static str, run_id: &str) -> Result<Self> {
        check(path)?;
        let created = !path.exists();
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|error| cannot("open", path, &error))?;
        match file.try_lock() {
            // Where files cannot be locked, runs are not kept apart.
            Ok(()) | Err(TryLockError::Error(_)) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::new(ErrorKind::Unavailable, format!("another run writes its dead letters to {}", path.display()))
                    .hint("wait for it, or give this run a file of its own"));
            }
        }
        make_private(&file).map_err(|error| cannot("protect", path, &error))?;
        let length = file.metadata().map_err(|error| cannot("open", path, &error))?.len();
        Ok(Self { path: path.to_owned(), file, lines: Vec::new(), length, pipeline, run_id: run_id.to_owned(), created, written: 0 })
    }

    pub(crate) fn append(&mut self, letter: &DeadLetter<'_>) -> Result<()> {
        let now = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
        let (encoding, bytes) = match &letter.payload {
            None => ("none", None),
            Some(Payload::Source(bytes)) => ("base64", Some(bytes.as_ref())),
            Some(Payload::Json(json)) => ("base64+json", Some(*json)),
        };
        let line = Line {
            v: VERSION,
            id: Id {
                pipeline: self.pipeline,
                replay_epoch: 0,
                partition: &letter.position.partition,
                offset: letter.position.byte,
                ordinal: letter.position.ordinal,
                line: letter.position.line,
            },
            stage: letter.stage,
            stage_version: 0,
            error_kind: letter.kind.as_str(),
            error_code: letter.code,
            error_class: "reject",
            sanitized_message: letter.message,
            column: letter.column,
            attempts: letter.attempts,
            first_seen: &now,
            last_seen: &now,
            run_id: &self.run_id,
            batch_start: letter.batch_start,
            payload_encoding: encoding,
            payload: bytes.map(|bytes| STANDARD.encode(bytes)),
            payload_sha256: bytes.map(|bytes| hex(&hmac_sha256::Hash::hash(bytes))),
            redactions: [],
        };
        serde_json::to_writer(&mut self.lines, &line).map_err(|error| cannot("write to", &self.path, &error.into()))?;
        self.lines.push(b'\n');
        self.written += 1;
        if self.lines.len() >= WRITE { self.write() } else { Ok(()) }
    }

    /// Writes the lines that wait; where that fails, none of them is left behind in part.
    fn write(&mut self) -> Result<()> {
        if let Err(error) = self.file.write_all(&self.lines) {
            // What the error says matters more than whether this helps.
            let _second_failure = self.file.set_len(self.length);
            return Err(cannot("write to", &self.path, &error));
        }
        self.length += self.lines.len() as u64;
        self.lines.clear();
        Ok(())
    }

    /// Makes what was appended so far durable, so that a commit may pass it.
    pub(crate) fn sync(&mut self) -> Result<()> {
        self.write()?;
        self.file.sync_data().map_err(|error| cannot("write to", &self.path, &error))?;
        if self.created { sync_directory(&self.path).map_err(|error| cannot("write to", &self.path, &error)) } else { Ok(()) }
    }

    /// Makes what was appended durable: the file, and its name where it is new. Removes a new file
    /// that nothing was written to.
    pub(crate) fn close(mut self) -> Result<u64> {
        self.write()?;
        if self.written == 0 {
            if self.created && self.length == 0 {
                std::fs::remove_file(&self.path).map_err(|error| cannot("remove", &self.path, &error))?;
            }
            return Ok(0);
        }
        self.file.sync_all().map_err(|error| cannot("write to", &self.path, &error))?;
        if self.created {
            sync_directory(&self.path).map_err(|error| cannot("write to", &self.path, &error))?;
        }
        Ok(self.written)
    }
}

/// Looks whether a file can be opened there, and changes nothing.
///
/// # Errors
/// Why not.
pub(crate) fn check(path: &Path) -> Result<()> {
    let hint = "set the path of the dead letters to a file in a directory that exists";
    if path.is_dir() {
        return Err(
            Error::new(ErrorKind::Config, format!("the dead letters cannot be written: {} is a directory", path.display())).hint(hint)
        );
    }
    if path.exists() && !path.is_file() {
        return Err(
            Error::new(ErrorKind::Config, format!("the dead letters cannot be written: {} is no regular file", path.display())).hint(hint)
        );
    }
    let directory = parent(path);
    if !directory.is_dir() {
        return Err(Error::new(ErrorKind::Config, format!("the dead letters cannot be written: {} is no directory", directory.display()))
            .hint(hint));
    }
    Ok(())
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn cannot(doing: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::io(ErrorKind::DeadLetter, format!("cannot {doing} the dead letters in {}", path.display()), error)
        .hint("the run stops rather than lose a rejected record")
}

#[cfg(unix)]
fn make_private(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn make_private(_file: &File) -> std::io::Result<()> {
    Ok(())
}

/// A new name is durable only with its directory.
fn sync_directory(path: &Path) -> std::io::Result<()> {
    if cfg!(unix) { File::open(parent(path))?.sync_all() } else { Ok(()) }
}
