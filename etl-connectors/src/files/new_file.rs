//! New files: they appear whole or not at all.

use std::fs::{self, File, Permissions};
use std::io;
use std::path::{Path, PathBuf};

use etl_core::{Error, ErrorKind, Result};
use tempfile::{NamedTempFile, TempPath};

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
    let directory = directory_of(path);
    let metadata = directory.metadata().map_err(|error| {
        Error::io(ErrorKind::Config, format!("cannot write to the directory {}", directory.display()), &error)
            .hint("make the directory first; a relative path starts at the working directory")
    })?;
    if !metadata.is_dir() {
        return Err(Error::new(ErrorKind::Config, format!("cannot write {}: {} is not a directory", path.display(), directory.display())));
    }
    if metadata.permissions().readonly() {
        return Err(not_writable(directory));
    }
    Ok(())
}

fn exists_already(path: &Path) -> Error {
    Error::new(ErrorKind::Config, format!("the output {} exists already", path.display())).hint("`--replace` replaces it")
}

fn not_writable(directory: &Path) -> Error {
    Error::new(ErrorKind::Config, format!("the directory {} is not writable", directory.display()))
        .hint("the user who runs the pipeline needs permission to make files in it")
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A file that has no name yet: it is made beside its place, and put there when it is complete.
/// Dropped before, it is removed.
pub(crate) struct NewFile {
    temporary: TempPath,
    path: PathBuf,
    replace: bool,
}

impl NewFile {
    /// Makes the file beside `path`, after [`check_output`].
    pub(crate) fn create(path: &Path, replace: bool) -> Result<(File, Self)> {
        check_output(path, replace)?;
        // A link is kept and what it points to is replaced.
        let path = if path.is_symlink() { fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()) } else { path.to_owned() };
        let directory = directory_of(&path);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let prefix = format!(".{name}.");
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(".partial");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // Like any new file: what the umask leaves. An output that is replaced keeps its mode.
            builder.permissions(Permissions::from_mode(0o666));
        }
        let made: NamedTempFile = builder.tempfile_in(directory).map_err(|error| match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => not_writable(directory),
            _ => Error::io(ErrorKind::Config, format!("cannot make a file in {}", directory.display()), &strip(error)),
        })?;
        let (file, temporary) = made.into_parts();
        Ok((file, Self { temporary, path, replace }))
    }

    /// The place in which it is put.
    #[cfg(any(feature = "csv", feature = "jsonl", feature = "parquet"))]
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the file is until it is published.
    #[cfg(feature = "sqlite")]
    pub(crate) fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// Puts the file in its place: durable, then visible.
    pub(crate) fn publish(self, file: &File) -> Result<()> {
        let failed =
            |doing: &str, error: &io::Error| Error::io(ErrorKind::Storage, format!("cannot {doing} {}", self.path.display()), error);
        let before: Option<Permissions> = self.path.metadata().ok().map(|metadata| metadata.permissions());
        if let (true, Some(mode)) = (self.replace, before) {
            // Not being allowed to is no reason to lose a finished run.
            let _kept_as_made = file.set_permissions(mode);
        }
        file.sync_all().map_err(|error| failed("make durable", &error))?;
        let renamed = if self.replace { self.temporary.persist(&self.path) } else { self.temporary.persist_noclobber(&self.path) };
        renamed.map_err(|refused| match refused.error.kind() {
            io::ErrorKind::AlreadyExists => exists_already(&self.path),
            _ => Error::io(ErrorKind::Storage, format!("cannot rename the finished file to {}", self.path.display()), &refused.error),
        })?;
        // The rename is durable once its directory is.
        #[cfg(unix)]
        File::open(directory_of(&self.path)).and_then(|directory| directory.sync_all()).map_err(|error| {
            Error::io(ErrorKind::Storage, format!("cannot make the directory of {} durable", self.path.display()), &error)
        })?;
        Ok(())
    }
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
