//! How a whole file is compressed: telling it, and writing it.
//!
//! A compressed file is a row of members, each complete in itself: what is cut off at the end of one
//! is a whole file, and members that follow each other read like one.

use std::io::{self, Write};
use std::path::Path;

/// How a whole file is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// As `gzip` does (feature `gzip`).
    #[cfg(feature = "gzip")]
    Gzip,
    /// As `zstd` does, level 3 (feature `zstd`).
    #[cfg(feature = "zstd")]
    Zstd,
}

impl Compression {
    /// The one that the end of a file's name stands for: `.gz`, `.zst`.
    #[must_use]
    pub fn of_path(path: &Path) -> Self {
        match path.extension().and_then(|extension| extension.to_str()) {
            #[cfg(feature = "gzip")]
            Some(extension) if extension.eq_ignore_ascii_case("gz") => Self::Gzip,
            #[cfg(feature = "zstd")]
            Some(extension) if extension.eq_ignore_ascii_case("zst") => Self::Zstd,
            _ => Self::None,
        }
    }
}

/// Writes one member: what is written to it arrives at the inner writer compressed.
///
/// Dropped before [`finish`](Member::finish), it leaves an incomplete member behind.
#[allow(clippy::large_enum_variant, reason = "there is one for each file that is written")]
pub(crate) enum Member<W: Write> {
    Plain(W),
    #[cfg(feature = "gzip")]
    Gzip(flate2::write::GzEncoder<W>),
    #[cfg(feature = "zstd")]
    Zstd(zstd::stream::write::Encoder<'static, W>),
}

impl<W: Write> Member<W> {
    /// Begins a member at the end of `writer`. Nothing of it depends on the time or the machine.
    pub(crate) fn begin(compression: Compression, writer: W) -> io::Result<Self> {
        Ok(match compression {
            Compression::None => Self::Plain(writer),
            #[cfg(feature = "gzip")]
            Compression::Gzip => Self::Gzip(flate2::write::GzEncoder::new(writer, flate2::Compression::default())),
            #[cfg(feature = "zstd")]
            Compression::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(writer, 3)?;
                // Otherwise a damaged file would be read as if it were whole.
                encoder.include_checksum(true)?;
                Self::Zstd(encoder)
            }
        })
    }

    /// What has arrived so far, and what it arrived at.
    pub(crate) fn get_mut(&mut self) -> &mut W {
        match self {
            Self::Plain(writer) => writer,
            #[cfg(feature = "gzip")]
            Self::Gzip(encoder) => encoder.get_mut(),
            #[cfg(feature = "zstd")]
            Self::Zstd(encoder) => encoder.get_mut(),
        }
    }

    /// Ends the member: all of it has arrived.
    pub(crate) fn finish(self) -> io::Result<W> {
        match self {
            Self::Plain(writer) => Ok(writer),
            #[cfg(feature = "gzip")]
            Self::Gzip(encoder) => encoder.finish(),
            #[cfg(feature = "zstd")]
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Member<W> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(writer) => writer.write(bytes),
            #[cfg(feature = "gzip")]
            Self::Gzip(encoder) => encoder.write(bytes),
            #[cfg(feature = "zstd")]
            Self::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(writer) => writer.flush(),
            #[cfg(feature = "gzip")]
            Self::Gzip(encoder) => encoder.flush(),
            #[cfg(feature = "zstd")]
            Self::Zstd(encoder) => encoder.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(compression: Compression, text: &[u8]) -> Vec<u8> {
        let mut member = Member::begin(compression, Vec::new()).unwrap();
        member.write_all(text).unwrap();
        member.finish().unwrap()
    }

    #[test]
    fn the_name_of_a_file_tells_its_compression() {
        assert_eq!(Compression::of_path(Path::new("a/b.csv")), Compression::None);
        assert_eq!(Compression::of_path(Path::new("gz")), Compression::None);
        #[cfg(feature = "gzip")]
        assert_eq!(Compression::of_path(Path::new("b.csv.GZ")), Compression::Gzip);
        #[cfg(feature = "zstd")]
        assert_eq!(Compression::of_path(Path::new("b.zst")), Compression::Zstd);
        assert_eq!(member(Compression::None, b"abc"), b"abc");
    }

    #[cfg(feature = "gzip")]
    #[test]
    fn members_of_gzip_read_like_one() {
        use std::io::Read;
        let both = [member(Compression::Gzip, b"one\n"), member(Compression::Gzip, b"two\n")].concat();
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(&both[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, "one\ntwo\n");
    }

    #[cfg(feature = "zstd")]
    #[test]
    fn members_of_zstd_read_like_one() {
        let both = [member(Compression::Zstd, b"one\n"), member(Compression::Zstd, b"two\n")].concat();
        assert_eq!(zstd::decode_all(&both[..]).unwrap(), b"one\ntwo\n");
    }
}
