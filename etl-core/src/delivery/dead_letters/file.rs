//! The file itself: found, private, locked, and never another one by way of a link.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::contract::error::{Error, ErrorKind, Result};

/// How often a file is opened that others replace meanwhile.
const TRIES: usize = 8;

/// A file that is open for appending, locked against other runs.
#[derive(Debug)]
pub(super) struct Locked {
    pub(super) file: File,
    /// It was not there before.
    pub(super) created: bool,
}

/// Opens the file to append to it, and makes it where there is none.
///
/// # Errors
/// That it cannot be opened, locked or made private.
pub(super) fn lock(path: &Path) -> Result<Locked> {
    check(path)?;
    for _ in 0..TRIES {
        let (file, created) = match options().create_new(true).open(path) {
            Ok(file) => (file, true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match options().open(path) {
                Ok(file) => (file, false),
                // It went between the two.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(cannot("open", path, &error)),
            },
            Err(error) => return Err(cannot("open", path, &error)),
        };
        match file.try_lock() {
            // Where files cannot be locked, runs are not kept apart.
            Ok(()) | Err(TryLockError::Error(_)) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::new(ErrorKind::Unavailable, format!("another run writes its dead letters to {}", path.display()))
                    .hint("wait for it, or give this run a file of its own"));
            }
        }
        // Who held the lock before may have put another file in its place.
        if !is_at(&file, path).map_err(|error| cannot("open", path, &error))? {
            continue;
        }
        make_private(&file).map_err(|error| cannot("protect", path, &error))?;
        remove_leftover(path)?;
        return Ok(Locked { file, created });
    }
    Err(Error::new(ErrorKind::Unavailable, format!("the dead letters in {} are replaced again and again", path.display()))
        .hint("find out what else writes that file"))
}

/// Opens the file to read it while others may write. `None` where there is none.
///
/// # Errors
/// That it cannot be opened.
pub(super) fn open_to_read(path: &Path) -> Result<Option<File>> {
    check(path)?;
    match no_links(OpenOptions::new().read(true)).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(cannot("read", path, &error)),
    }
}

/// Looks whether a file can be opened there, and changes nothing.
///
/// # Errors
/// Why not.
pub(crate) fn check(path: &Path) -> Result<()> {
    let refuse = |why: String| {
        Err(Error::new(ErrorKind::Config, format!("the dead letters cannot be written: {why}"))
            .hint("set the path of the dead letters to a file in a directory that exists"))
    };
    if let Ok(there) = path.symlink_metadata() {
        let what = match there.file_type() {
            kind if kind.is_dir() => "is a directory",
            kind if kind.is_symlink() => "is a symbolic link, which is not followed",
            kind if !kind.is_file() => "is no regular file",
            _ => return Ok(()),
        };
        return refuse(format!("{} {what}", path.display()));
    }
    let directory = parent(path);
    if !directory.is_dir() {
        return refuse(format!("{} is no directory", directory.display()));
    }
    Ok(())
}

/// Puts a new file in the place of the old one: whole or not at all, and durably.
///
/// # Errors
/// That it cannot be written; the old one is there still.
pub(super) fn replace(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> Result<()> {
    let new = leftover(path);
    let replaced = (|| {
        let mut file = options().create_new(true).open(&new)?;
        make_private(&file)?;
        write(&mut file)?;
        file.sync_all()?;
        std::fs::rename(&new, path)?;
        sync_directory(path)
    })();
    replaced.map_err(|error| {
        let _first_failure_matters = std::fs::remove_file(&new);
        cannot("rewrite", path, &error)
    })
}

/// A new name is durable only with its directory.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(parent(path))?.sync_all() } else { Ok(()) }
}

pub(super) fn cannot(doing: &str, path: &Path, error: &io::Error) -> Error {
    Error::io(ErrorKind::DeadLetter, format!("cannot {doing} the dead letters in {}", path.display()), error)
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    no_links(&mut options).clone()
}

/// Who can write to the directory must not choose another file by a link.
fn no_links(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, libc::O_NOFOLLOW);
    options
}

/// Where [`replace`] makes the new file. A killed process leaves it behind; only who holds the lock
/// writes it or takes it away.
fn leftover(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".rewrite");
    path.with_file_name(name)
}

/// It would keep records that the operator discarded.
fn remove_leftover(path: &Path) -> Result<()> {
    match std::fs::remove_file(leftover(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(cannot("clean up", path, &error)),
        _ => Ok(()),
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let ours = file.metadata()?;
    match path.symlink_metadata() {
        Ok(there) => Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> io::Result<bool> {
    Ok(true)
}

#[cfg(unix)]
fn make_private(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn make_private(_file: &File) -> io::Result<()> {
    Ok(())
}
