//! Making files and their names durable, with the switches of the seeded bugs.

use std::fs::File;
use std::io;
use std::path::Path;

use etl_core::mutants;

/// Makes what the file holds durable. One that failed must not be tried again on the same file: the
/// operating system may have dropped what it could not write.
#[cfg(any(feature = "csv", feature = "jsonl", feature = "parquet"))]
pub(super) fn sync_data(file: &File) -> io::Result<()> {
    if mutants::active("file_without_fsync") { Ok(()) } else { file.sync_data() }
}

/// The same with the file's mode.
pub(super) fn sync_all(file: &File) -> io::Result<()> {
    if mutants::active("file_without_fsync") { Ok(()) } else { file.sync_all() }
}

/// Makes the names in a directory durable: a new file is lost in a power failure without it.
pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) && !mutants::active("file_without_directory_fsync") {
        return File::open(directory)?.sync_all();
    }
    Ok(())
}
