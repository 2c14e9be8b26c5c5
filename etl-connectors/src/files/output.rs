//! Writing a file from front to back.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use etl_core::{Error, ErrorKind, Result, mutants};

use super::ahead::Ahead;
use super::durable;
#[cfg(any(feature = "csv", feature = "jsonl"))]
use super::{Compression, packing::Packing};

/// Bytes that are gathered in memory before they go to the operating system.
const SPILL: usize = 256 << 10;

/// A file that is written from front to back. What a transaction has written can be taken back.
pub(crate) struct Output {
    file: File,
    /// Its name, or the name that it will have.
    path: PathBuf,
    buffer: Vec<u8>,
    /// What was handed over, before it was compressed.
    flushed: u64,
    ahead: Ahead,
    /// So much of the file is durable.
    durable: u64,
    /// A write or a truncation failed: what the file holds is not known.
    broken: bool,
    /// A sync failed: what the disk holds is not known, and cannot be found out.
    lost: bool,
    #[cfg(any(feature = "csv", feature = "jsonl"))]
    packing: Option<Packing>,
}

impl Output {
    /// Writes `file` from its start.
    pub(crate) fn new(file: File, path: &Path) -> Self {
        Self {
            file,
            path: path.to_owned(),
            buffer: Vec::with_capacity(SPILL),
            flushed: 0,
            ahead: Ahead::default(),
            durable: 0,
            broken: false,
            lost: false,
            #[cfg(any(feature = "csv", feature = "jsonl"))]
            packing: None,
        }
    }

    /// Goes on behind the first `length` bytes of `file`; the rest is cut off.
    #[cfg(any(feature = "csv", feature = "jsonl"))]
    pub(crate) fn resume(file: File, path: &Path, length: u64) -> Result<Self> {
        let mut output = Self { flushed: length, ..Self::new(file, path) };
        let cut = if mutants::active("resume_without_truncate") {
            output.file.seek(SeekFrom::End(0)).map(drop)
        } else {
            output.file.set_len(length).and_then(|()| output.file.seek(SeekFrom::Start(length)).map(drop))
        };
        cut.map_err(|error| output.failed("go on in", &error))?;
        output.ahead.begin_at(length);
        Ok(output)
    }

    /// The same, compressed from here on.
    #[cfg(any(feature = "csv", feature = "jsonl"))]
    pub(crate) fn compressed(mut self, compression: Compression) -> Self {
        self.packing = (compression != Compression::None).then(|| Packing::new(compression, self.flushed));
        self
    }

    #[cfg(any(feature = "csv", feature = "jsonl"))]
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

    /// How many bytes were written, before they were compressed.
    pub(crate) fn len(&self) -> u64 {
        self.flushed + self.buffer.len() as u64
    }

    /// What is written from here on can be taken back with [`truncate`](Self::truncate).
    #[cfg(any(feature = "csv", feature = "jsonl"))]
    pub(super) fn mark_start(&mut self) -> u64 {
        let start = self.len();
        if let Some(packing) = &mut self.packing {
            packing.begin(start);
        }
        start
    }

    /// What was written can be taken back no more.
    #[cfg(any(feature = "csv", feature = "jsonl"))]
    pub(super) fn keep(&mut self) {
        if let Some(packing) = &mut self.packing {
            packing.keep();
        }
    }

    #[cfg(any(feature = "csv", feature = "jsonl"))]
    /// Takes back everything past the first `len` bytes, which is where
    /// [`mark_start`](Self::mark_start) was called.
    pub(super) fn truncate(&mut self, len: u64) -> Result<()> {
        if self.lost {
            return self.usable();
        }
        if self.broken || len < self.flushed {
            let keep = len.min(self.flushed);
            let physical = match &mut self.packing {
                None => Some(keep),
                Some(packing) => packing.take_back(keep),
            };
            self.broken = true;
            let Some(physical) = physical else { return self.usable() };
            self.file
                .set_len(physical)
                .and_then(|()| self.file.seek(SeekFrom::Start(physical)))
                .map_err(|error| self.failed("take back a transaction in", &error))?;
            if keep < self.flushed {
                self.buffer.clear();
            }
            self.flushed = keep;
            self.ahead.cut(physical);
            self.durable = self.durable.min(physical);
            self.broken = false;
        }
        self.buffer.truncate(usize::try_from(len - self.flushed).unwrap_or(usize::MAX));
        self.keep();
        Ok(())
    }

    /// Whether more can be written.
    pub(crate) fn usable(&self) -> Result<()> {
        if self.broken || self.lost {
            return Err(Error::new(ErrorKind::Storage, format!("an earlier write to {} failed", self.path.display())));
        }
        Ok(())
    }

    /// Makes durable what was written, and says how long the file is. A sync that fails is not tried
    /// again.
    #[cfg(any(feature = "csv", feature = "jsonl"))]
    pub(super) fn make_durable(&mut self) -> Result<u64> {
        if mutants::active("mark_before_data") {
            return Ok(self.len());
        }
        self.settle()
    }

    /// The same at the end of the file: a compressed one has a member, even if it is empty.
    pub(crate) fn complete(&mut self) -> Result<u64> {
        self.usable()?;
        #[cfg(any(feature = "csv", feature = "jsonl"))]
        if self.len() == 0
            && let Some(packing) = &mut self.packing
        {
            packing.write_empty(&mut self.file).map_err(|error| {
                self.broken = true;
                self.failed("write", &error)
            })?;
        }
        self.settle()
    }

    fn settle(&mut self) -> Result<u64> {
        self.usable()?;
        self.drain().and_then(|()| self.end_member()).map_err(|error| self.failed("write", &error))?;
        let length = self.physical();
        // The thread may be who was told of a lost write.
        let told = self.ahead.finish();
        if told.is_err() || self.durable < length {
            told.and_then(|()| durable::sync_data(&self.file)).map_err(|error| {
                self.lost = true;
                self.failed("make durable", &error)
            })?;
            self.durable = length;
        }
        Ok(length)
    }

    /// The file, of which everything is durable after [`complete`](Self::complete).
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// How long the file is, without what is still in memory.
    pub(crate) fn physical(&self) -> u64 {
        #[cfg(any(feature = "csv", feature = "jsonl"))]
        if let Some(packing) = &self.packing {
            return packing.physical();
        }
        self.flushed
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
        #[cfg(any(feature = "csv", feature = "jsonl"))]
        match &mut self.packing {
            None => self.file.write_all(bytes)?,
            Some(packing) => packing.write(bytes, self.flushed, &mut self.file)?,
        }
        #[cfg(not(any(feature = "csv", feature = "jsonl")))]
        self.file.write_all(bytes)?;
        self.broken = false;
        self.flushed += bytes.len() as u64;
        self.ahead.wrote(&self.file, self.physical());
        Ok(())
    }

    /// Ends the member of a compressed file: what is cut off behind it leaves a whole file.
    fn end_member(&mut self) -> io::Result<()> {
        #[cfg(any(feature = "csv", feature = "jsonl"))]
        if let Some(packing) = &mut self.packing {
            self.broken = true;
            packing.end(&mut self.file)?;
            self.broken = false;
        }
        Ok(())
    }

    fn failed(&self, doing: &str, error: &io::Error) -> Error {
        Error::io(ErrorKind::Storage, format!("cannot {doing} {}", self.path.display()), error)
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
