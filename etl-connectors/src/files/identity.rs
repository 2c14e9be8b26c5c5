//! Which file it is, whatever it is called.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// A file on this machine; a rename keeps it, another file under the same name has another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    /// That of an open file.
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        Ok(Self::from(&file.metadata()?))
    }

    /// That of the file with this name, if there is one. A link is not followed.
    pub(crate) fn at(path: &Path) -> io::Result<Option<Self>> {
        match path.symlink_metadata() {
            Ok(metadata) if metadata.is_file() => Ok(Some(Self::from(&metadata))),
            Ok(_) => Ok(None),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl From<&Metadata> for Identity {
    #[cfg(unix)]
    fn from(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self { device: metadata.dev(), inode: metadata.ino() }
    }

    #[cfg(not(unix))]
    fn from(metadata: &Metadata) -> Self {
        let made = metadata.created().ok().and_then(|made| made.duration_since(std::time::UNIX_EPOCH).ok());
        Self { device: 0, inode: made.map_or(0, |made| made.as_nanos() as u64) }
    }
}

/// A file as it was at some time: one that was changed since, or that was given the number of one that
/// is gone, is another version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Version {
    file: Identity,
    length: u64,
    /// In nanoseconds since 1970.
    modified: u128,
}

impl Version {
    /// That of an open file.
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        Self::from(&file.metadata()?)
    }

    /// That of the file with this name, if there is one. A link is not followed.
    pub(crate) fn at(path: &Path) -> io::Result<Option<Self>> {
        match path.symlink_metadata() {
            Ok(metadata) if metadata.is_file() => Self::from(&metadata).map(Some),
            Ok(_) => Ok(None),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn from(metadata: &Metadata) -> io::Result<Self> {
        let modified = metadata.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_nanos();
        Ok(Self { file: metadata.into(), length: metadata.len(), modified })
    }
}
