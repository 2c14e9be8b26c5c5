//! What tells one content of a Parquet file from another.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use etl_core::source::Identity;
use etl_core::{Error, ErrorKind, Result};

use crate::files::open_source;

/// How much of the beginning and of the end is looked at, in bytes.
const HEAD: u64 = 4 << 10;
const TAIL: u64 = 256 << 10;

/// A Parquet file is written once: it cannot have grown, only have been replaced. So the digest is of its
/// length, its beginning, and its end, where the footer says where each column's values lie and what their
/// bounds are.
pub(super) fn identity(path: &Path) -> Result<Identity> {
    let mut file = open_source(path)?;
    let mut look = || -> std::io::Result<Identity> {
        let length = file.metadata()?.len();
        let mut bytes = length.to_le_bytes().to_vec();
        take(&mut file, 0, HEAD, &mut bytes)?;
        take(&mut file, length.saturating_sub(TAIL), TAIL, &mut bytes)?;
        Ok(Identity { length, head: HEAD.min(length), ..Identity::of_bytes(&bytes) })
    };
    look().map_err(|error| Error::io(ErrorKind::Extraction, format!("cannot read {}", path.display()), &error))
}

fn take(file: &mut File, from: u64, count: u64, bytes: &mut Vec<u8>) -> std::io::Result<()> {
    file.seek(SeekFrom::Start(from))?;
    file.take(count).read_to_end(bytes).map(drop)
}
