//! Files that the command line writes.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Writes a file whole or not at all, and durably: a reader never sees half of it, and a process that
/// is killed leaves nothing behind that the next one does not take up.
pub(crate) fn write_atomically(path: &Path, data: &[u8]) -> io::Result<()> {
    let folder = folder_of(path);
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(path.file_name().unwrap_or_default());
    temporary.push(".partial");
    let temporary = folder.join(temporary);
    match take_up(&temporary)? {
        Some(mut file) => {
            fill(&mut file, data)?;
            std::fs::rename(&temporary, path)?;
        }
        // Another process is writing it at this moment.
        None => {
            let mut file = tempfile::NamedTempFile::new_in(&folder)?;
            fill(file.as_file_mut(), data)?;
            file.persist(path).map_err(|error| error.error)?;
        }
    }
    File::open(&folder)?.sync_all()
}

/// Opens the file for this process alone. `None` where another one has it.
fn take_up(path: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) || !has_name(&file, path) {
        return Ok(None);
    }
    file.set_len(0)?;
    Ok(Some(file))
}

fn fill(file: &mut File, data: &[u8]) -> io::Result<()> {
    file.write_all(data)?;
    file.sync_all()?;
    allow_reading(file)
}

/// Whether the file was not renamed between its opening and its locking.
#[cfg(unix)]
fn has_name(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let same = |open: std::fs::Metadata, named: std::fs::Metadata| (open.dev(), open.ino()) == (named.dev(), named.ino());
    file.metadata().and_then(|open| path.symlink_metadata().map(|named| same(open, named))).unwrap_or(false)
}

#[cfg(not(unix))]
fn has_name(_file: &File, _path: &Path) -> bool {
    true
}

/// The folder of a path that may be a bare name.
pub(super) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// A temporary file is for its owner only; what it becomes is a file like any other.
#[cfg(unix)]
fn allow_reading(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn allow_reading(_file: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        write_atomically(&path, b"first").unwrap();
        write_atomically(&path, b"second").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"second");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(write_atomically(&folder.path().join("none").join("report.json"), b"").is_err());
    }
}
