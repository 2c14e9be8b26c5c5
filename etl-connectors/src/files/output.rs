//! Writing a new file from front to back.

use std::fs::File;
use std::io::{self, Write};
#[cfg(any(feature = "csv", feature = "jsonl"))]
use std::io::{Seek, SeekFrom};
use std::path::Path;

use etl_core::{Error, ErrorKind, Result};

use super::NewFile;
use super::ahead::Ahead;

/// Bytes that are gathered in memory before they go to the operating system.
const SPILL: usize = 256 << 10;

/// A new file that is written from front to back, and can be taken back to any earlier length.
pub(crate) struct Output {
    file: File,
    target: NewFile,
    buffer: Vec<u8>,
    flushed: u64,
    ahead: Ahead,
    /// A write or a truncation failed: what the file holds is not known.
    broken: bool,
}

impl Output {
    /// Makes the file beside `path`, after [`check_output`].
    pub(crate) fn create(path: &Path, replace: bool) -> Result<Self> {
        let (file, target) = NewFile::create(path, replace)?;
        Ok(Self { file, target, buffer: Vec::with_capacity(SPILL), flushed: 0, ahead: Ahead::default(), broken: false })
    }

    #[cfg(feature = "csv")]
    /// Where to append; call [`Output::spill`] now and then.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    #[cfg(feature = "csv")]
    /// Hands what was appended to the operating system, if it is much.
    #[inline]
    pub(crate) fn spill(&mut self) -> Result<()> {
        if self.buffer.len() < SPILL { Ok(()) } else { self.drain().map_err(|error| self.failed("write", &error)) }
    }

    #[cfg(feature = "jsonl")]
    /// Appends text, which goes to the operating system from where it is if it is much.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        if self.buffer.len() + bytes.len() < SPILL {
            self.buffer.extend_from_slice(bytes);
            return Ok(());
        }
        self.drain().and_then(|()| self.hand_over(bytes)).map_err(|error| self.failed("write", &error))
    }

    #[cfg(any(feature = "csv", feature = "jsonl"))]
    /// How many bytes were written.
    pub(crate) fn len(&self) -> u64 {
        self.flushed + self.buffer.len() as u64
    }

    #[cfg(any(feature = "csv", feature = "jsonl"))]
    /// Takes back everything past the first `len` bytes.
    pub(crate) fn truncate(&mut self, len: u64) -> Result<()> {
        if self.broken || len < self.flushed {
            let keep = len.min(self.flushed);
            self.broken = true;
            self.file
                .set_len(keep)
                .and_then(|()| self.file.seek(SeekFrom::Start(keep)))
                .map_err(|error| self.failed("take back a transaction in", &error))?;
            if keep < self.flushed {
                self.buffer.clear();
            }
            self.flushed = keep;
            self.ahead.cut(keep);
            self.broken = false;
        }
        self.buffer.truncate(usize::try_from(len - self.flushed).unwrap_or(usize::MAX));
        Ok(())
    }

    /// Whether more can be written.
    pub(crate) fn usable(&self) -> Result<()> {
        if self.broken {
            return Err(Error::new(ErrorKind::Storage, format!("an earlier write to {} failed", self.target.path().display())));
        }
        Ok(())
    }

    /// Makes the file durable, then visible.
    pub(crate) fn publish(mut self) -> Result<()> {
        self.usable()?;
        self.drain().map_err(|error| self.failed("write", &error))?;
        self.ahead.finish().map_err(|error| self.failed("make durable", &error))?;
        self.target.publish(&self.file)
    }

    fn drain(&mut self) -> io::Result<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let written = self.hand_over(&buffer);
        if written.is_ok() {
            buffer.clear();
        }
        self.buffer = buffer;
        written
    }

    /// Writes bytes to the file, behind what it has.
    fn hand_over(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.broken = true;
        self.file.write_all(bytes)?;
        self.broken = false;
        self.flushed += bytes.len() as u64;
        self.ahead.wrote(&self.file, self.flushed);
        Ok(())
    }

    fn failed(&self, doing: &str, error: &io::Error) -> Error {
        Error::io(ErrorKind::Storage, format!("cannot {doing} {}", self.target.path().display()), error)
    }
}

/// For writers that bring their own buffers.
impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= SPILL {
            self.drain()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.drain()
    }
}
