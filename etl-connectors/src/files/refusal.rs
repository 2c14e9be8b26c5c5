//! Why a file that the operating system reads well cannot be read.

use std::fmt;
use std::io;
use std::path::Path;

use etl_core::{Error, ErrorKind};

use super::input::Packing;

/// Travels inside an [`io::Error`] to whoever knows the file's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Its text is larger than allowed.
    #[cfg(any(feature = "gzip", feature = "zstd"))]
    TooMuchText { bytes: u64 },
    /// Its text is larger than allowed for a file of its size.
    #[cfg(any(feature = "gzip", feature = "zstd"))]
    TooDense { ratio: u64 },
    /// It ends before its text does.
    #[cfg(any(feature = "gzip", feature = "zstd"))]
    CutOff(Packing),
    /// It is not what its first bytes say.
    #[cfg(any(feature = "gzip", feature = "zstd"))]
    Damaged(Packing),
    /// The text is a compressed file.
    Compressed(Packing),
    /// The place at which an earlier run stopped is not there any more.
    Changed(&'static str),
}

/// An error of reading the file at `path`.
pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Error {
    let fails = |what: &str| Error::new(ErrorKind::Extraction, format!("{}: {what}", path.display()));
    let Some(refusal) = error.get_ref().and_then(|inner| inner.downcast_ref::<Refusal>()) else {
        return Error::io(ErrorKind::Extraction, format!("cannot read {}", path.display()), error);
    };
    let said = refusal.to_string();
    match refusal {
        #[cfg(any(feature = "gzip", feature = "zstd"))]
        Refusal::TooMuchText { .. } | Refusal::TooDense { .. } => fails(&said)
            .with_code("decompression_limit")
            .hint("if the file is meant to be like that, raise the option `max_decompressed` or `max_ratio`"),
        #[cfg(any(feature = "gzip", feature = "zstd"))]
        Refusal::CutOff(_) => fails(&said).with_code("truncated").hint("fetch the file again: what is there so far ends too early"),
        #[cfg(any(feature = "gzip", feature = "zstd"))]
        Refusal::Damaged(packing) => fails(&said).with_code("damaged").hint(format!("`{} --test` says more", packing.name())),
        Refusal::Compressed(packing) => fails(&said)
            .with_code("compressed")
            .hint(format!("decompress it first, or turn on the feature `{}` of etl-connectors", packing.name())),
        Refusal::Changed(_) => {
            fails(&said).with_code("source_changed").hint("put the earlier file back, or read this one from its beginning by `--fresh`")
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            #[cfg(any(feature = "gzip", feature = "zstd"))]
            Self::TooMuchText { bytes } => write!(f, "the decompressed text is larger than {bytes} bytes"),
            #[cfg(any(feature = "gzip", feature = "zstd"))]
            Self::TooDense { ratio } => write!(f, "the decompressed text is more than {ratio} times as large as the file"),
            #[cfg(any(feature = "gzip", feature = "zstd"))]
            Self::CutOff(packing) => write!(f, "the {} stream ends too early", packing.name()),
            #[cfg(any(feature = "gzip", feature = "zstd"))]
            Self::Damaged(packing) => write!(f, "the {} stream is damaged", packing.name()),
            Self::Compressed(packing) => write!(f, "the text is compressed by {}", packing.name()),
            Self::Changed(how) => write!(f, "the file has changed since an earlier run: {how}"),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for io::Error {
    fn from(refusal: Refusal) -> Self {
        Self::new(io::ErrorKind::InvalidData, refusal)
    }
}
