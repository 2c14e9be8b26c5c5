//! The text of a compressed file, which may not become larger than it is allowed to.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use super::input::{Limits, Packing};
use super::refusal::Refusal;

/// Text up to this size may come from any number of bytes.
const FREE: u64 = 64 << 20;

/// Bytes of the file that are read at once.
const BUFFER: usize = 128 << 10;

/// How far back a zstd file may refer, as a power of two: what must be kept in memory. The limit of
/// the `zstd` command.
#[cfg(feature = "zstd")]
const WINDOW: u32 = 27;

/// The text of a compressed file.
pub(crate) struct Unpacked {
    /// A second handle of the file, to begin anew.
    file: File,
    packing: Packing,
    limits: Limits,
    decoder: Decoder,
    /// Bytes of text that have been read.
    made: u64,
}

enum Decoder {
    #[cfg(feature = "gzip")]
    Gzip(Box<flate2::bufread::MultiGzDecoder<Counted>>),
    #[cfg(feature = "zstd")]
    Zstd(zstd::stream::read::Decoder<'static, Counted>),
}

impl Unpacked {
    pub(super) fn new(file: File, packing: Packing, limits: Limits) -> io::Result<Self> {
        let decoder = Decoder::new(&file, packing)?;
        Ok(Self { file, packing, limits, decoder, made: 0 })
    }

    /// Bytes of the file that the text so far was made of.
    pub(super) fn consumed(&self) -> u64 {
        match &self.decoder {
            #[cfg(feature = "gzip")]
            Decoder::Gzip(decoder) => decoder.get_ref().consumed,
            #[cfg(feature = "zstd")]
            Decoder::Zstd(decoder) => decoder.get_ref().consumed,
        }
    }

    /// Has reading go on at a byte of the text: the text before it is made again, and passed over.
    pub(super) fn begin_at(&mut self, byte: u64) -> io::Result<()> {
        if byte < self.made {
            self.decoder = Decoder::new(&self.file, self.packing)?;
            self.made = 0;
        }
        let left = byte - self.made;
        io::copy(&mut self.take(left), &mut io::sink()).map(drop)
    }
}

impl Read for Unpacked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.decoder {
            #[cfg(feature = "gzip")]
            Decoder::Gzip(decoder) => decoder.read(buffer),
            #[cfg(feature = "zstd")]
            Decoder::Zstd(decoder) => decoder.read(buffer),
        };
        let read = read.map_err(|error| explain(error, self.packing))?;
        self.made += read as u64;
        if self.made > self.limits.bytes {
            return Err(Refusal::TooMuchText { bytes: self.limits.bytes }.into());
        }
        if self.made > FREE && self.made / self.limits.ratio.max(1) > self.consumed() {
            return Err(Refusal::TooDense { ratio: self.limits.ratio }.into());
        }
        Ok(read)
    }
}

/// Errors of the operating system stay what they are.
fn explain(error: io::Error, packing: Packing) -> io::Error {
    match error.kind() {
        io::ErrorKind::Interrupted => error,
        _ if error.raw_os_error().is_some() => error,
        io::ErrorKind::UnexpectedEof => Refusal::CutOff(packing).into(),
        _ => Refusal::Damaged(packing).into(),
    }
}

impl Decoder {
    fn new(file: &File, packing: Packing) -> io::Result<Self> {
        let mut file = file.try_clone()?;
        file.seek(SeekFrom::Start(0))?;
        let file = Counted { file: BufReader::with_capacity(BUFFER, file), consumed: 0 };
        match packing {
            #[cfg(feature = "gzip")]
            Packing::Gzip => Ok(Self::Gzip(Box::new(flate2::bufread::MultiGzDecoder::new(file)))),
            #[cfg(feature = "zstd")]
            Packing::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(file)?;
                decoder.window_log_max(WINDOW)?;
                Ok(Self::Zstd(decoder))
            }
            #[allow(unreachable_patterns, reason = "all of them are there with all features")]
            other => Err(Refusal::Compressed(other).into()),
        }
    }
}

/// A file of which is known how much has been used.
struct Counted {
    file: BufReader<File>,
    consumed: u64,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.consumed += read as u64;
        Ok(read)
    }
}

impl BufRead for Counted {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.file.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.consumed += count as u64;
        self.file.consume(count);
    }
}
