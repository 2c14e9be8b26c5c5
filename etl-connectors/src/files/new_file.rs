//! New files: they appear whole or not at all.
//!
//! Until it is published, a file is a draft beside its place. A draft is either anonymous, and removed
//! when it is dropped, or kept under a name that the next run finds, and locked as long as it is open.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use etl_core::{Error, ErrorKind, Result};
use tempfile::{NamedTempFile, TempPath};

use super::durable;
use super::identity::{Identity, Version};

/// Looks whether `path` can become an output, and changes nothing.
pub(crate) fn check_output(path: &Path, replace: bool) -> Result<()> {
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() || path.is_dir() => {
            return Err(
                Error::new(ErrorKind::Config, format!("cannot write {}: it is a directory", path.display())).hint("name a file in it")
            );
        }
        Ok(metadata) if !metadata.is_file() && !metadata.is_symlink() => {
            return Err(Error::new(ErrorKind::Config, format!("cannot write {}: it is not a regular file", path.display()))
                .hint("the output is renamed into place when it is complete, which takes a regular file"));
        }
        Ok(_) if !replace => return Err(exists_already(path)),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(Error::io(ErrorKind::Config, format!("cannot look at {}", path.display()), &error)),
    }
    if path.file_name().is_none() {
        return Err(Error::new(ErrorKind::Config, format!("cannot write `{}`: it names no file", path.display())));
    }
    check_directory(directory_of(path))
}

/// Looks whether files can be made in `directory`.
pub(super) fn check_directory(directory: &Path) -> Result<()> {
    let metadata = directory.metadata().map_err(|error| {
        Error::io(ErrorKind::Config, format!("cannot write to the directory {}", directory.display()), &error)
            .hint("make the directory first; a relative path starts at the working directory")
    })?;
    if !metadata.is_dir() {
        return Err(Error::new(ErrorKind::Config, format!("cannot write to {}: it is not a directory", directory.display())));
    }
    if metadata.permissions().readonly() {
        return Err(not_writable(directory));
    }
    Ok(())
}

pub(super) fn exists_already(path: &Path) -> Error {
    Error::new(ErrorKind::Config, format!("the output {} exists already", path.display())).hint("`--replace` replaces it")
}

fn not_writable(directory: &Path) -> Error {
    Error::new(ErrorKind::Config, format!("the directory {} is not writable", directory.display()))
        .hint("the user who runs the pipeline needs permission to make files in it")
}

fn cannot_make(directory: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => not_writable(directory),
        _ => Error::io(ErrorKind::Config, format!("cannot make a file in {}", directory.display()), &strip(error)),
    }
}

/// The directory that a file's name is in.
pub(super) fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The place of an output whose name may be a link: the link is kept, and what it points to is
/// replaced.
pub(super) fn resolved(path: &Path) -> PathBuf {
    if path.is_symlink() { fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()) } else { path.to_owned() }
}

/// What a new file may take the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// Of no other file.
    Nothing,
    /// Of this one only, as it is.
    This(Version),
    /// Of whatever is there.
    Anything,
}

impl From<bool> for Over {
    fn from(replace: bool) -> Self {
        if replace { Self::Anything } else { Self::Nothing }
    }
}

/// A file that is not in its place yet.
pub(crate) struct NewFile {
    draft: Draft,
    path: PathBuf,
    over: Over,
}

enum Draft {
    /// Removed when it is dropped.
    Anonymous(TempPath),
    /// Stays when it is dropped; it has this name.
    Kept(PathBuf),
}

impl NewFile {
    /// Makes the file beside `path`, after [`check_output`], under a name of its own. Dropped before
    /// it is published, it is removed.
    pub(crate) fn create(path: &Path, replace: bool) -> Result<(File, Self)> {
        check_output(path, replace)?;
        let path = resolved(path);
        let directory = directory_of(&path);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let prefix = format!(".{name}.");
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(PARTIAL);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // Like any new file: what the umask leaves. An output that is replaced keeps its mode.
            builder.permissions(Permissions::from_mode(0o666));
        }
        let made: NamedTempFile = builder.tempfile_in(directory).map_err(|error| cannot_make(directory, error))?;
        let (file, temporary) = made.into_parts();
        Ok((file, Self { draft: Draft::Anonymous(temporary), path, over: replace.into() }))
    }

    /// Makes the file beside `path` under the name that [`reopen`](Self::reopen) finds. An earlier
    /// draft is removed.
    ///
    /// # Errors
    /// Another run is writing it ([`ErrorKind::Unavailable`]).
    pub(crate) fn keep(path: &Path, over: Over) -> Result<(File, Self)> {
        check_output(path, over != Over::Nothing)?;
        let path = resolved(path);
        let (draft, directory) = (draft_of(&path), directory_of(&path));
        loop {
            // The old one stays open until the new one is there, which so is another file to every mark.
            let _old = match open_locked(&draft)? {
                Some(old) => {
                    fs::remove_file(&draft).map_err(|error| cannot_make(directory, error))?;
                    Some(old)
                }
                None => None,
            };
            match to_write().create_new(true).open(&draft) {
                Ok(file) if lock(&file, &draft)? && is_at(&file, &draft) => {
                    return Ok((file, Self { draft: Draft::Kept(draft), path, over }));
                }
                // Another run was faster.
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(cannot_make(directory, error)),
            }
        }
    }

    /// The draft that an earlier run [kept](Self::keep) beside `path`, if there is one.
    ///
    /// # Errors
    /// Another run is writing it ([`ErrorKind::Unavailable`]).
    pub(crate) fn reopen(path: &Path, over: Over) -> Result<Option<(File, Self)>> {
        let path = resolved(path);
        let draft = draft_of(&path);
        let file = open_locked(&draft)?;
        Ok(file.map(|file| (file, Self { draft: Draft::Kept(draft), path, over })))
    }

    /// The place in which it is put.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the file is until it is published.
    pub(crate) fn temporary(&self) -> &Path {
        match &self.draft {
            Draft::Anonymous(path) => path,
            Draft::Kept(path) => path,
        }
    }

    /// What it may take the place of.
    pub(crate) fn over(&self) -> Over {
        self.over
    }

    /// Makes the draft's name durable.
    #[cfg(any(feature = "csv", feature = "jsonl", feature = "parquet"))]
    pub(crate) fn sync_name(&self) -> Result<()> {
        durable::sync_directory(directory_of(&self.path)).map_err(|error| self.not_durable(&error))
    }

    /// Removes it, kept or not.
    pub(crate) fn discard(self) {
        if let Draft::Kept(path) = &self.draft {
            // One that stays is removed by the next run.
            let _stays = fs::remove_file(path);
        }
    }

    /// Puts the file in its place: durable, then visible.
    pub(crate) fn publish(self, file: &File) -> Result<()> {
        let failed =
            |doing: &str, error: &io::Error| Error::io(ErrorKind::Storage, format!("cannot {doing} {}", self.path.display()), error);
        let before: Option<Permissions> = self.path.metadata().ok().map(|metadata| metadata.permissions());
        if let (true, Some(mode)) = (self.over != Over::Nothing, before) {
            // Not being allowed to is no reason to lose a finished run.
            let _kept_as_made = file.set_permissions(mode);
        }
        durable::sync_all(file).map_err(|error| failed("make durable", &error))?;
        let replace = match self.over {
            Over::Nothing => false,
            Over::Anything => true,
            Over::This(known) => match Version::at(&self.path).map_err(|error| failed("look at", &error))? {
                None => false,
                Some(there) if there == known => true,
                Some(_) => return Err(exists_already(&self.path)),
            },
        };
        let (temporary, kept) = match self.draft {
            Draft::Anonymous(temporary) => (temporary, false),
            Draft::Kept(path) => (TempPath::try_from_path(path).map_err(|error| failed("find", &error))?, true),
        };
        let renamed = if replace { temporary.persist(&self.path) } else { temporary.persist_noclobber(&self.path) };
        if let Err(refused) = renamed {
            if kept {
                let _stays_as_it_is = refused.path.keep();
            }
            return Err(match refused.error.kind() {
                io::ErrorKind::AlreadyExists => exists_already(&self.path),
                _ => Error::io(ErrorKind::Storage, format!("cannot rename the finished file to {}", self.path.display()), &refused.error),
            });
        }
        // The rename is durable once its directory is.
        durable::sync_directory(directory_of(&self.path))
            .map_err(|error| Error::io(ErrorKind::Storage, format!("cannot make the directory of {} durable", self.path.display()), &error))
    }

    #[cfg(any(feature = "csv", feature = "jsonl", feature = "parquet"))]
    fn not_durable(&self, error: &io::Error) -> Error {
        Error::io(ErrorKind::Storage, format!("cannot make the directory of {} durable", self.path.display()), error)
    }
}

const PARTIAL: &str = ".partial";

/// Where the draft of `path` is kept.
pub(super) fn draft_of(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    directory_of(path).join(format!(".{name}{PARTIAL}"))
}

/// For a file of ours that is read: a link in its place is not followed.
pub(super) fn to_read() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags((rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits().cast_signed());
    }
    options
}

/// The same for one that is also written.
pub(super) fn to_write() -> OpenOptions {
    let mut options = to_read();
    options.write(true);
    options
}

/// Opens a file of ours, if it is there, and locks it.
pub(super) fn open_locked(path: &Path) -> Result<Option<File>> {
    loop {
        match path.symlink_metadata() {
            Ok(metadata) if metadata.is_file() => {}
            Ok(_) => return Err(not_regular(path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io(ErrorKind::Config, format!("cannot look at {}", path.display()), &error)),
        }
        match to_write().open(path) {
            // It may have been renamed before it was locked: then it is no draft any more.
            Ok(file) if lock(&file, path)? && is_at(&file, path) => return Ok(Some(file)),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io(ErrorKind::Config, format!("cannot open {}", path.display()), &error)),
        }
    }
}

fn not_regular(path: &Path) -> Error {
    Error::new(ErrorKind::Config, format!("cannot write {}: it is not a regular file", path.display()))
        .hint("a link or a device in this place was not made by this program: remove it")
}

/// Locks a file for this run, as long as it is open. A file system without locks has none.
pub(super) fn lock(file: &File, path: &Path) -> Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => {
            Err(Error::new(ErrorKind::Unavailable, format!("another run is writing {}", path.display())).hint("wait until it has ended"))
        }
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(true),
        Err(TryLockError::Error(error)) => Err(Error::io(ErrorKind::Storage, format!("cannot lock {}", path.display()), &error)),
    }
}

/// Whether the open file still has this name.
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    matches!((Identity::of(file), Identity::at(path)), (Ok(open), Ok(Some(there))) if open == there)
}

/// The operating system's error without the words (and the path) that were put around it.
fn strip(error: io::Error) -> io::Error {
    match error.raw_os_error().or_else(|| os_code(&error)) {
        Some(code) => io::Error::from_raw_os_error(code),
        None => error,
    }
}

fn os_code(error: &io::Error) -> Option<i32> {
    let mut cause: &dyn std::error::Error = error.get_ref()?;
    loop {
        if let Some(inner) = cause.downcast_ref::<io::Error>() {
            return inner.raw_os_error();
        }
        cause = cause.source()?;
    }
}
