//! The list of what is committed of a dataset: a file of its own, one for each commit.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use etl_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use super::NewFile;
use super::mark::{self, Described};
use super::new_file::to_read;

const VERSION: u32 = 1;

/// A longer one was not written by us.
const LONGEST: u64 = 256 << 20;

/// How many digits the number of a part or a manifest may have: no run comes to the end of them, so that what is
/// counted on behind a file that somebody else has put there is a number still.
const DIGITS: usize = 18;

/// What a dataset holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    version: u32,
    /// Tells this dataset from an earlier one in the same directory.
    pub(super) dataset: String,
    /// Rises with every commit.
    pub(super) generation: u64,
    /// The run that wrote it has ended well. A later one may add parts.
    pub(super) finished: bool,
    /// How records are written.
    format: String,
    pub(super) parts: Vec<Part>,
}

/// One file of a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) crc32c: u32,
    pub(super) rows: u64,
}

/// What a run's checkpoint remembers of a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DatasetMark {
    version: u32,
    path: String,
    format: String,
    pub(super) dataset: String,
    pub(super) generation: u64,
    /// SHA-256 of the manifest.
    pub(super) digest: String,
}

impl Manifest {
    /// That of a new dataset.
    pub(super) fn new(described: &Described) -> Self {
        let dataset = format!("{:016x}", random());
        Self { version: VERSION, dataset, generation: 0, finished: false, format: described.format.clone(), parts: Vec::new() }
    }

    /// Reads the manifest of a generation, and its digest. `None` if there is none.
    pub(super) fn read(directory: &Path, generation: u64) -> Result<Option<(Self, String)>> {
        let path = path(directory, generation);
        let unreadable = |error: &std::io::Error| Error::io(ErrorKind::Config, format!("cannot read {}", path.display()), error);
        let file = match to_read().open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(|error| unreadable(&error))?,
        };
        let mut bytes = Vec::new();
        file.take(LONGEST).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
        let decoded: Option<Self> = serde_json::from_slice(&bytes).ok();
        match decoded {
            Some(manifest) if manifest.version == VERSION && manifest.generation == generation && manifest.names_are_parts() => {
                Ok(Some((manifest, digest(&bytes))))
            }
            _ => Err(Error::new(ErrorKind::Config, format!("{} is not a manifest of this program, or is damaged", path.display()))
                .with_code("manifest_damaged")
                .hint("write to another directory")),
        }
    }

    /// Writes it durably, and says its digest.
    pub(super) fn write(&self, directory: &Path) -> Result<String> {
        let path = path(directory, self.generation);
        let failed = |error: &std::io::Error| Error::io(ErrorKind::Storage, format!("cannot write {}", path.display()), error);
        let mut bytes = mark::encode(self, &path.to_string_lossy())?.into_bytes();
        bytes.push(b'\n');
        let (mut file, place): (File, _) = NewFile::create(&path, false)?;
        file.write_all(&bytes).map_err(|error| failed(&error))?;
        place.publish(&file)?;
        Ok(digest(&bytes))
    }

    /// Names that lead out of the directory, or to what is no part, are never followed.
    fn names_are_parts(&self) -> bool {
        self.parts.iter().all(|part| part_number(&part.name).is_some())
    }

    pub(super) fn is_of(&self, described: &Described) -> bool {
        self.format == described.format
    }

    pub(super) fn lists(&self, name: &str) -> bool {
        self.parts.iter().any(|part| part.name == name)
    }
}

impl DatasetMark {
    pub(super) fn of(manifest: &Manifest, digest: &str, described: &Described) -> Self {
        Self {
            version: VERSION,
            path: described.path.clone(),
            format: manifest.format.clone(),
            dataset: manifest.dataset.clone(),
            generation: manifest.generation,
            digest: digest.to_owned(),
        }
    }

    /// Reads a mark of this dataset.
    pub(super) fn decode(mark: &str, described: &Described) -> Result<Self> {
        let decoded: Self = mark::decode(mark, &described.path)?;
        if decoded.version != VERSION {
            return Err(mark::unreadable(&described.path));
        }
        if decoded.format != described.format {
            return Err(mark::other_format(&described.path));
        }
        Ok(decoded)
    }

    pub(super) fn encode(&self) -> Result<String> {
        mark::encode(self, &self.path)
    }
}

fn digest(bytes: &[u8]) -> String {
    hmac_sha256::Hash::hash(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A number that no other run has.
pub(super) fn random() -> u64 {
    use std::hash::BuildHasher;
    std::hash::RandomState::new().hash_one((std::process::id(), std::time::SystemTime::now()))
}

fn path(directory: &Path, generation: u64) -> PathBuf {
    directory.join(format!("manifest-{generation:08}.json"))
}

/// The name of a part; no two runs make the same one.
pub(super) fn part_name(number: u64, run: u64, extension: &str) -> String {
    format!("part-{number:06}-{run:016x}.{extension}")
}

/// The number of the part that has this name, if it is one.
pub(super) fn part_number(name: &str) -> Option<u64> {
    let (number, rest) = name.strip_prefix("part-")?.split_once('-')?;
    let (run, extension) = rest.split_once('.')?;
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
    ((6..=DIGITS).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && run.len() == 16
        && plain(run)
        && plain(extension))
    .then(|| number.parse().ok())
    .flatten()
}

/// What a directory holds.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Generations of manifests, rising.
    pub(super) generations: Vec<u64>,
    pub(super) parts: Vec<String>,
    /// What runs that were killed were writing.
    pub(super) drafts: Vec<String>,
    /// What was not made by us.
    pub(super) others: bool,
}

/// The file that a run locks.
pub(super) const LOCK: &str = ".lock";

impl Listing {
    pub(super) fn of(directory: &Path) -> Result<Self> {
        let failed = |error: &std::io::Error| Error::io(ErrorKind::Config, format!("cannot read {}", directory.display()), error);
        let mut listing = Self::default();
        for entry in fs::read_dir(directory).map_err(|error| failed(&error))? {
            let name = entry.map_err(|error| failed(&error))?.file_name();
            let Some(name) = name.to_str() else {
                listing.others = true;
                continue;
            };
            let generation = name.strip_prefix("manifest-").and_then(|rest| rest.strip_suffix(".json"));
            if let Some(generation) =
                generation.filter(|digits| (8..=DIGITS).contains(&digits.len())).and_then(|digits| digits.parse().ok())
            {
                listing.generations.push(generation);
            } else if part_number(name).is_some() {
                listing.parts.push(name.to_owned());
            } else if (name.starts_with(".part-") || name.starts_with(".manifest-")) && name.ends_with(".partial") {
                listing.drafts.push(name.to_owned());
            } else if name != LOCK {
                listing.others = true;
            }
        }
        listing.generations.sort_unstable();
        Ok(listing)
    }

    /// Removes manifests, durably before anything that they list is removed.
    pub(super) fn remove_manifests(directory: &Path, generations: impl Iterator<Item = u64>) -> Result<()> {
        let mut removed = false;
        for generation in generations {
            remove(&path(directory, generation))?;
            removed = true;
        }
        if removed {
            super::durable::sync_directory(directory).map_err(|error| {
                Error::io(ErrorKind::Storage, format!("cannot make the directory {} durable", directory.display()), &error)
            })?;
        }
        Ok(())
    }
}

/// Removes a file that may be gone already.
pub(super) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io(ErrorKind::Storage, format!("cannot remove {}", path.display()), &error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_parts_are_told_from_others() {
        assert_eq!(part_number(&part_name(7, 255, "csv.gz")), Some(7));
        assert_eq!(part_number(&part_name(12_345_678, u64::MAX, "parquet")), Some(12_345_678));
        for other in [
            "part-1-0000000000000000.csv",
            "part-000001.csv",
            "part-000001-00.csv",
            "part-000001-0000000000000000.",
            "part-18446744073709551615-0000000000000000.csv",
            "../part-000001-0000000000000000.csv",
            "part-000001-0000000000000000.c/../v",
            "",
        ] {
            assert_eq!(part_number(other), None, "{other}");
        }
    }
}
