//! Files that are read: opening them, and what to say when that fails.

use std::fs::File;
use std::io;
use std::path::Path;
#[cfg(any(feature = "csv", feature = "jsonl", feature = "parquet"))]
use std::sync::Arc;

use etl_core::{Error, ErrorKind, Result};

#[cfg(any(feature = "csv", feature = "jsonl", feature = "parquet"))]
/// The name of a file as positions and messages print it.
pub(crate) fn partition(path: &Path) -> Arc<str> {
    Arc::from(path.display().to_string())
}

#[cfg(any(feature = "csv", feature = "jsonl", feature = "parquet"))]
/// The size of a source in bytes, where it can be known.
pub(crate) fn source_size(path: &Path) -> Option<u64> {
    path.metadata().ok().filter(std::fs::Metadata::is_file).map(|metadata| metadata.len())
}

/// Opens a file that is to be read. What is not a plain file (a directory, a pipe) is refused
/// before it is opened, because opening a pipe would wait for its writer.
pub(crate) fn open_source(path: &Path) -> Result<File> {
    let refused = |error: &io::Error| {
        let made = Error::io(ErrorKind::Extraction, format!("cannot open {}", path.display()), error);
        match error.kind() {
            io::ErrorKind::NotFound => made.hint("check the path; a relative one starts at the working directory"),
            io::ErrorKind::PermissionDenied => made.hint("the user who runs the pipeline needs permission to read the file"),
            _ => made,
        }
    };
    let metadata = path.metadata().map_err(|error| refused(&error))?;
    if metadata.is_dir() {
        return Err(Error::new(ErrorKind::Extraction, format!("cannot read {}: it is a directory", path.display()))
            .hint("name one of the files in it"));
    }
    if !metadata.is_file() {
        return Err(Error::new(ErrorKind::Extraction, format!("cannot read {}: it is not a regular file", path.display()))
            .hint("a source is read again after a failure, which a pipe or a device cannot be: write it to a file first"));
    }
    File::open(path).map_err(|error| refused(&error))
}
