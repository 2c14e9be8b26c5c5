//! What the connectors that read or write files have in common.

#[cfg(any(feature = "csv", feature = "jsonl", feature = "parquet"))]
mod ahead;
#[cfg(any(feature = "csv", feature = "jsonl"))]
mod compression;
#[cfg(feature = "csv")]
mod digits;
#[cfg(any(feature = "csv", feature = "jsonl"))]
mod draft;
#[cfg(any(feature = "csv", feature = "jsonl"))]
mod input;
mod new_file;
#[cfg(any(feature = "csv", feature = "jsonl", feature = "parquet"))]
mod output;
mod paths;
#[cfg(any(feature = "csv", feature = "jsonl"))]
mod piece;
#[cfg(any(feature = "csv", feature = "jsonl"))]
mod refusal;
mod single;
#[cfg(any(feature = "csv", feature = "jsonl"))]
mod split;
#[cfg(all(any(feature = "csv", feature = "jsonl"), any(feature = "gzip", feature = "zstd")))]
mod unpacked;

#[cfg(any(feature = "csv", feature = "jsonl"))]
pub use compression::Compression;
#[cfg(feature = "csv")]
pub(crate) use digits::{push_i64, push_u64};
#[cfg(any(feature = "csv", feature = "jsonl"))]
pub(crate) use draft::Draft;
#[cfg(any(feature = "csv", feature = "jsonl"))]
pub(crate) use input::{Input, Limits};
pub(crate) use new_file::{NewFile, check_output};
#[cfg(any(feature = "csv", feature = "jsonl", feature = "parquet"))]
pub(crate) use output::Output;
pub(crate) use paths::open_source;
#[cfg(any(feature = "csv", feature = "jsonl", feature = "parquet"))]
pub(crate) use paths::{partition, source_size};
#[cfg(any(feature = "csv", feature = "jsonl"))]
pub(crate) use piece::{Cut, Mistake, Piece};
#[cfg(any(feature = "csv", feature = "jsonl"))]
pub(crate) use refusal::unreadable;
pub(crate) use single::Single;
#[cfg(any(feature = "csv", feature = "jsonl"))]
pub(crate) use split::{Scan, Splitter};

/// Records up to this size are read unless the options say otherwise, in bytes.
#[cfg(any(feature = "csv", feature = "jsonl"))]
pub(crate) const MAX_RECORD: usize = 16 << 20;
