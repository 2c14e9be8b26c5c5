//! What the connectors that read or write files have in common.
#![cfg_attr(
    not(all(feature = "csv", feature = "jsonl", feature = "parquet", feature = "sqlite")),
    allow(dead_code, unused_imports, reason = "every format uses a part of it")
)]

#[cfg(any(feature = "csv", feature = "jsonl", feature = "parquet"))]
mod ahead;
#[cfg(any(feature = "csv", feature = "jsonl"))]
mod compression;
#[cfg(any(feature = "csv", feature = "jsonl", feature = "parquet"))]
mod dataset;
#[cfg(feature = "csv")]
mod digits;
#[cfg(any(feature = "csv", feature = "jsonl"))]
mod draft;
mod durable;
#[cfg(any(feature = "csv", feature = "jsonl"))]
mod growing;
mod identity;
#[cfg(any(feature = "csv", feature = "jsonl"))]
mod input;
#[cfg(any(feature = "csv", feature = "jsonl", feature = "parquet"))]
mod manifest;
#[cfg(any(feature = "csv", feature = "jsonl", feature = "parquet"))]
mod mark;
mod new_file;
#[cfg(any(feature = "csv", feature = "jsonl", feature = "parquet"))]
mod output;
#[cfg(any(feature = "csv", feature = "jsonl"))]
mod packing;
#[cfg(any(feature = "csv", feature = "jsonl"))]
mod parts;
mod paths;
#[cfg(any(feature = "csv", feature = "jsonl"))]
mod piece;
#[cfg(any(feature = "csv", feature = "jsonl"))]
mod refusal;
mod single;
#[cfg(any(feature = "csv", feature = "jsonl"))]
mod split;
#[cfg(any(feature = "csv", feature = "jsonl"))]
mod text;
#[cfg(all(any(feature = "csv", feature = "jsonl"), any(feature = "gzip", feature = "zstd")))]
mod unpacked;
#[cfg(any(feature = "csv", feature = "jsonl"))]
mod whole;

#[cfg(any(feature = "csv", feature = "jsonl"))]
pub use compression::Compression;
#[cfg(any(feature = "csv", feature = "jsonl", feature = "parquet"))]
pub(crate) use dataset::{Dataset, PartLimits};
#[cfg(feature = "csv")]
pub(crate) use digits::{push_i64, push_u64};
#[cfg(any(feature = "csv", feature = "jsonl"))]
pub(crate) use draft::Draft;
pub(crate) use identity::Version as FileVersion;
#[cfg(any(feature = "csv", feature = "jsonl"))]
pub(crate) use input::{Input, Limits};
#[cfg(feature = "parquet")]
pub(crate) use mark::{Described, FileMark};
pub(crate) use new_file::{NewFile, Over, check_output};
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
#[cfg(any(feature = "csv", feature = "jsonl"))]
pub(crate) use text::{Kind, Layout, Text, TextTarget};

/// Records up to this size are read unless the options say otherwise, in bytes.
#[cfg(any(feature = "csv", feature = "jsonl"))]
pub(crate) const MAX_RECORD: usize = 16 << 20;
