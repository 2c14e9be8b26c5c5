//! The digest of the code that decides whether a promise is kept.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// Where that code is.
pub(crate) const FOLDERS: [&str; 4] = ["etl-core/src/engine", "etl-core/src/delivery", "etl-core/src/contract", "etl-connectors/src"];

/// The SHA-256 of the code under `root`, in hexadecimal, cut short.
///
/// # Errors
/// It cannot be read.
pub(crate) fn digest(root: &Path) -> io::Result<String> {
    digest_without(root, &[])
}

/// The same without these folders.
///
/// # Errors
/// It cannot be read.
pub(crate) fn digest_without(root: &Path, others: &[PathBuf]) -> io::Result<String> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        gather(&root.join(folder), &mut files)?;
    }
    files.retain(|file| !others.iter().any(|other| file.starts_with(root.join(other))));
    files.sort();
    let mut hash = hmac_sha256::Hash::new();
    for file in files {
        // The name counts, not where the checkout is; a zero byte ends both.
        hash.update(file.strip_prefix(root).unwrap_or(&file).to_string_lossy().as_bytes());
        hash.update([0]);
        hash.update(fs::read(&file)?);
        hash.update([0]);
    }
    Ok(hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect())
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            gather(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
