//! What is read: a plain file, or the text of a compressed one.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use etl_core::Result;

use super::open_source;
use super::refusal::unreadable;
#[cfg(any(feature = "gzip", feature = "zstd"))]
use super::unpacked::Unpacked;

/// How much a compressed file may grow to while it is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of text.
    pub(crate) bytes: u64,
    /// Bytes of text for each byte of the file.
    pub(crate) ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 1 << 40, ratio: 500 }
    }
}

/// A file, as the text that it holds.
pub(crate) enum Input {
    Plain(File),
    #[cfg(any(feature = "gzip", feature = "zstd"))]
    Packed(Box<Unpacked>),
}

/// How much of a file tells how it is compressed, in bytes.
const MAGIC: usize = 4;

impl Input {
    /// Opens the file at `path`; its first bytes tell whether it is compressed.
    pub(crate) fn open(path: &Path, limits: Limits) -> Result<Self> {
        let file = open_source(path)?;
        Self::new(file, limits).map_err(|error| unreadable(path, &error))
    }

    #[cfg(any(feature = "gzip", feature = "zstd"))]
    fn new(mut file: File, limits: Limits) -> io::Result<Self> {
        let mut magic = Vec::with_capacity(MAGIC);
        (&mut file).take(MAGIC as u64).read_to_end(&mut magic)?;
        file.seek(SeekFrom::Start(0))?;
        Ok(match Packing::of(&magic).and_then(Packing::supported) {
            None => Self::Plain(file),
            Some(packing) => Self::Packed(Box::new(Unpacked::new(file, packing, limits)?)),
        })
    }

    #[cfg(not(any(feature = "gzip", feature = "zstd")))]
    fn new(file: File, _limits: Limits) -> io::Result<Self> {
        Ok(Self::Plain(file))
    }

    /// The first bytes of the text.
    pub(super) fn beginning(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.append_to(&mut bytes, MAGIC)?;
        Ok(bytes)
    }

    /// Has reading go on at a byte of the text. Text that ends before is read like its end.
    pub(super) fn begin_at(&mut self, byte: u64) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.seek(SeekFrom::Start(byte)).map(drop),
            #[cfg(any(feature = "gzip", feature = "zstd"))]
            Self::Packed(unpacked) => unpacked.begin_at(byte),
        }
    }

    /// Whether it is known, without reading, that the text ends at this byte.
    pub(super) fn is_known_to_end_at(&self, byte: u64) -> io::Result<bool> {
        match self {
            Self::Plain(file) => Ok(file.metadata()?.len() == byte),
            #[cfg(any(feature = "gzip", feature = "zstd"))]
            Self::Packed(_) => Ok(false),
        }
    }

    /// How much of the file has been read, where that is not how much of the text has.
    #[inline]
    pub(super) fn consumed(&self) -> Option<u64> {
        match self {
            Self::Plain(_) => None,
            #[cfg(any(feature = "gzip", feature = "zstd"))]
            Self::Packed(unpacked) => Some(unpacked.consumed()),
        }
    }

    /// Appends up to `wanted` bytes to `buffer`. `false` at the end of the text.
    pub(super) fn append_to(&mut self, buffer: &mut Vec<u8>, wanted: usize) -> io::Result<bool> {
        // A little more, so that `read_to_end` does not probe whether the file ends here.
        buffer.reserve(wanted + 64);
        let read = match self {
            Self::Plain(file) => file.take(wanted as u64).read_to_end(buffer)?,
            #[cfg(any(feature = "gzip", feature = "zstd"))]
            Self::Packed(unpacked) => unpacked.take(wanted as u64).read_to_end(buffer)?,
        };
        Ok(read > 0)
    }
}

/// What a file was compressed by, whether or not it can be read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Gzip,
    Zstd,
}

impl Packing {
    /// The one that these first bytes of a file stand for.
    pub(super) fn of(magic: &[u8]) -> Option<Self> {
        match magic {
            [0x1F, 0x8B, ..] => Some(Self::Gzip),
            [0x28, 0xB5, 0x2F, 0xFD, ..] => Some(Self::Zstd),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// Itself, where its feature is on.
    #[cfg(any(feature = "gzip", feature = "zstd"))]
    fn supported(self) -> Option<Self> {
        let on = match self {
            Self::Gzip => cfg!(feature = "gzip"),
            Self::Zstd => cfg!(feature = "zstd"),
        };
        on.then_some(self)
    }
}
