//! A directory of files that are written once each, and a manifest that says which of them count.
//!
//! A commit makes the parts durable under their names, then writes the next manifest: that is the
//! commit for who reads manifests. The run's checkpoint, written after it, is the commit for the run:
//! a run that goes on from an earlier manifest takes the later ones back, and their parts.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use etl_core::target::{Abandoned, Preparation, Recalled};
use etl_core::{Error, ErrorKind, Result, mutants};

use super::manifest::{DatasetMark, LOCK, Listing, Manifest, Part, part_name, part_number, random, remove};
use super::mark::{self, Described};
use super::new_file::{check_directory, directory_of, exists_already, is_at, lock, to_read, to_write};
use super::{NewFile, Output, durable};

/// Manifests that are kept: the checkpoint that speaks of one is written after it, and of checkpoints
/// two are kept.
const KEPT: u64 = 4;

/// Bytes of the newest parts whose check sums are compared when a run goes on. Of older ones only the
/// sizes are: they were compared when they were new.
const COMPARED: u64 = 256 << 20;

/// When a part ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PartLimits {
    /// When it has so many bytes.
    pub(crate) bytes: u64,
    /// At the first checkpoint after so long.
    pub(crate) age: Duration,
}

impl Default for PartLimits {
    fn default() -> Self {
        Self { bytes: 256 << 20, age: Duration::from_secs(30) }
    }
}

/// A dataset that a run writes.
pub(crate) struct Dataset {
    described: Described,
    directory: PathBuf,
    extension: String,
    limits: PartLimits,
    _lock: File,
    manifest: Manifest,
    digest: String,
    /// Numbers that were not given to a part or a manifest before.
    next_part: u64,
    next_generation: u64,
    /// Part of the names of the parts, so that no two runs make the same.
    run: u64,
    /// Written and durable, but not committed.
    pending: Vec<Pending>,
    /// When the oldest part was begun that is not committed.
    since: Option<Instant>,
    /// Everything is committed at the end, at once.
    deferred: bool,
    /// What was there before is removed by the next commit.
    replaces: bool,
    /// A commit failed half-way: what is on the disk is not known.
    broken: bool,
}

struct Pending {
    place: NewFile,
    part: Part,
}

impl Dataset {
    /// Looks whether the directory can be written, and changes nothing.
    pub(crate) fn look(directory: &Path, described: &Described, preparation: &Preparation) -> Result<()> {
        if let Some(mark) = &preparation.mark {
            return match Self::recall(directory, described, mark)? {
                Recalled::Gone => Err(mark::gone(&described.path)),
                _ => Ok(()),
            };
        }
        if !exists(directory)? {
            return check_directory(directory_of(directory));
        }
        check_directory(directory)?;
        begun(directory, &Listing::of(directory)?, preparation.replace).map(drop)
    }

    /// What has become of a mark's dataset.
    pub(crate) fn recall(directory: &Path, described: &Described, mark: &str) -> Result<Recalled> {
        let mark = DatasetMark::decode(mark, described)?;
        if !exists(directory)? {
            return Ok(Recalled::Gone);
        }
        match find(directory, described, &mark, &Listing::of(directory)?)? {
            Some((manifest, _)) => compare(directory, described, &manifest, 0).map(|()| Recalled::Holds),
            None => Ok(Recalled::Gone),
        }
    }

    /// Makes the directory, or takes up what an earlier run has left in it.
    pub(crate) fn open(
        directory: &Path,
        described: Described,
        extension: String,
        limits: PartLimits,
        preparation: &Preparation,
    ) -> Result<Self> {
        if !exists(directory)? {
            make(directory)?;
        }
        check_directory(directory)?;
        let lock = lock_directory(directory)?;
        let listing = Listing::of(directory)?;
        let deferred = !preparation.resumable || preparation.whole;
        let newest = listing.generations.last().copied().unwrap_or(0);
        let next_part = listing.parts.iter().filter_map(|name| part_number(name)).max().map_or(0, |last| last + 1);
        let mut dataset = Self {
            manifest: Manifest::new(&described),
            digest: String::new(),
            directory: directory.to_owned(),
            extension,
            limits,
            _lock: lock,
            next_part,
            next_generation: newest + 1,
            run: random(),
            pending: Vec::new(),
            since: None,
            deferred,
            replaces: true,
            broken: false,
            described,
        };
        match &preparation.mark {
            Some(mark) => {
                let mark = DatasetMark::decode(mark, &dataset.described)?;
                let found = find(directory, &dataset.described, &mark, &listing)?;
                let (manifest, digest) = found.ok_or_else(|| mark::gone(&dataset.described.path))?;
                compare(directory, &dataset.described, &manifest, COMPARED)?;
                (dataset.manifest, dataset.digest) = (manifest, digest);
                dataset.replaces = false;
                dataset.sweep()?;
            }
            None => {
                begun(directory, &listing, preparation.replace)?;
                if !deferred {
                    // From now on it is known whose directory this is.
                    dataset.commit(false)?;
                }
            }
        }
        Ok(dataset)
    }

    /// Begins a part.
    pub(crate) fn part(&mut self) -> Result<(Output, NewFile)> {
        self.usable()?;
        let path = self.directory.join(part_name(self.next_part, self.run, &self.extension));
        let (file, place) = NewFile::create(&path, false)?;
        self.next_part += 1;
        self.touch();
        Ok((Output::new(file, &path), place))
    }

    /// There is something to commit.
    pub(crate) fn touch(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    /// How many bytes a part may have.
    pub(crate) fn part_size(&self) -> u64 {
        self.limits.bytes
    }

    /// Takes a part that is complete and durable.
    pub(crate) fn add(&mut self, place: NewFile, rows: u64) -> Result<()> {
        let name = place.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (bytes, crc32c) = check_sum(place.temporary())
            .map_err(|error| Error::io(ErrorKind::Storage, format!("cannot read back {}", place.path().display()), &error))?;
        self.pending.push(Pending { place, part: Part { name, bytes, crc32c, rows } });
        Ok(())
    }

    /// Whether a checkpoint commits what there is: not every one ends a part, because they would be
    /// small.
    pub(crate) fn is_due(&self) -> bool {
        !self.deferred && (!self.pending.is_empty() || self.since.is_none_or(|since| since.elapsed() >= self.limits.age))
    }

    /// Commits the parts that were [added](Self::add), and says what is committed.
    pub(crate) fn checkpoint(&mut self, sealed: bool) -> Result<Option<String>> {
        self.usable()?;
        let changed = !self.pending.is_empty() || (sealed && !self.manifest.finished);
        if self.deferred {
            // Nothing of it can be seen, and nothing is left of it if the run is killed.
            return Ok(None);
        }
        if changed {
            self.commit(sealed)?;
        }
        self.since = None;
        DatasetMark::of(&self.manifest, &self.digest, &self.described).encode().map(Some)
    }

    /// Commits what is left.
    pub(crate) fn publish(mut self) -> Result<()> {
        self.usable()?;
        if self.manifest.finished && self.pending.is_empty() { Ok(()) } else { self.commit(true) }
    }

    pub(crate) fn abandon(self) -> Abandoned {
        if self.deferred { Abandoned::Discarded } else { Abandoned::Kept }
    }

    fn usable(&self) -> Result<()> {
        if self.broken {
            return Err(Error::new(ErrorKind::Storage, format!("an earlier write to {} failed", self.directory.display())));
        }
        Ok(())
    }

    fn commit(&mut self, finished: bool) -> Result<()> {
        self.broken = true;
        let pending = std::mem::take(&mut self.pending);
        let mut manifest = self.manifest.clone();
        (manifest.generation, manifest.finished) = (self.next_generation, finished);
        manifest.parts.extend(pending.iter().map(|pending| pending.part.clone()));
        if mutants::active("manifest_before_parts") {
            self.digest = manifest.write(&self.directory)?;
            publish(pending)?;
        } else {
            publish(pending)?;
            self.digest = manifest.write(&self.directory)?;
        }
        self.manifest = manifest;
        self.next_generation += 1;
        if self.replaces {
            self.sweep()?;
            self.replaces = false;
        }
        let old = self.manifest.generation.saturating_sub(KEPT);
        if old > 0 {
            // Older ones are gone already, but for those of a run that was killed here.
            let generations = Listing::of(&self.directory)?.generations.into_iter().filter(|generation| *generation <= old);
            Listing::remove_manifests(&self.directory, generations)?;
        }
        self.broken = false;
        Ok(())
    }

    /// Removes what the manifest does not list: what was committed for nobody, and what runs that
    /// were killed were writing. Manifests first, because they must never list what is not there.
    fn sweep(&self) -> Result<()> {
        let listing = Listing::of(&self.directory)?;
        let current = self.manifest.generation;
        let stale = listing.generations.iter().copied().filter(|generation| self.replaces || *generation > current);
        Listing::remove_manifests(&self.directory, stale.filter(|generation| *generation != current))?;
        let unlisted = listing.parts.iter().filter(|name| !self.manifest.lists(name));
        unlisted.chain(&listing.drafts).try_for_each(|name| remove(&self.directory.join(name)))
    }
}

fn publish(pending: Vec<Pending>) -> Result<()> {
    for Pending { place, .. } in pending {
        let file = File::open(place.temporary())
            .map_err(|error| Error::io(ErrorKind::Storage, format!("cannot open {}", place.path().display()), &error))?;
        place.publish(&file)?;
    }
    Ok(())
}

/// Whether the directory is there.
fn exists(directory: &Path) -> Result<bool> {
    directory.try_exists().map_err(|error| Error::io(ErrorKind::Config, format!("cannot look at {}", directory.display()), &error))
}

fn make(directory: &Path) -> Result<()> {
    let parent = directory_of(directory);
    check_directory(parent)?;
    fs::create_dir(directory)
        .and_then(|()| durable::sync_directory(parent))
        .map_err(|error| Error::io(ErrorKind::Config, format!("cannot make the directory {}", directory.display()), &error))
}

fn lock_directory(directory: &Path) -> Result<File> {
    let path = directory.join(LOCK);
    let opened = to_write().create(true).truncate(false).open(&path);
    let file = opened.map_err(|error| Error::io(ErrorKind::Config, format!("cannot open {}", path.display()), &error))?;
    lock(&file, directory)?;
    if is_at(&file, &path) { Ok(file) } else { Err(mark::gone(&directory.to_string_lossy())) }
}

/// Looks whether a dataset can be begun in a directory.
///
/// # Errors
/// It holds something that is not ours, or records that must not be replaced.
fn begun(directory: &Path, listing: &Listing, replace: bool) -> Result<()> {
    let Some(newest) = listing.generations.last() else {
        if listing.others || !listing.parts.is_empty() {
            return Err(Error::new(ErrorKind::Config, format!("the directory {} holds other files", directory.display()))
                .hint("name an empty directory, or one that is not there yet"));
        }
        return Ok(());
    };
    match Manifest::read(directory, *newest)? {
        Some((manifest, _)) if !replace && !manifest.parts.is_empty() => Err(exists_already(directory)),
        _ => Ok(()),
    }
}

/// The manifest that a mark speaks of. `None` if the dataset is not there.
fn find(directory: &Path, described: &Described, mark: &DatasetMark, listing: &Listing) -> Result<Option<(Manifest, String)>> {
    match Manifest::read(directory, mark.generation)? {
        Some((manifest, digest)) if digest == mark.digest && manifest.is_of(described) => Ok(Some((manifest, digest))),
        Some((manifest, _)) if manifest.dataset == mark.dataset => {
            Err(mark::changed(&described.path, "its manifest is not the one that was committed"))
        }
        found => {
            for generation in &listing.generations {
                let there = Manifest::read(directory, *generation)?;
                if found.is_none() && there.is_some_and(|(there, _)| there.dataset == mark.dataset) {
                    return Err(mark::changed(&described.path, "the manifest that was committed is not there any more"));
                }
            }
            Ok(None)
        }
    }
}

/// Looks whether the parts are there that a manifest lists: all of them by their size, and the newest
/// by their check sums, up to so many bytes.
fn compare(directory: &Path, described: &Described, manifest: &Manifest, mut bytes: u64) -> Result<()> {
    for part in manifest.parts.iter().rev() {
        let path = directory.join(&part.name);
        let length = match path.symlink_metadata() {
            Ok(metadata) if metadata.is_file() => metadata.len(),
            _ => return Err(mark::changed(&described.path, "a part of it is not there any more")),
        };
        let mut same = length == part.bytes;
        if same && part.bytes <= bytes {
            bytes -= part.bytes;
            same = check_sum(&path).map_err(|error| Error::io(ErrorKind::Config, format!("cannot read {}", path.display()), &error))?.1
                == part.crc32c;
        }
        if !same {
            return Err(mark::changed(&described.path, "a part of it is not what was committed"));
        }
    }
    Ok(())
}

/// The length and the check sum of a file.
fn check_sum(path: &Path) -> io::Result<(u64, u32)> {
    use io::Read;
    let mut file = to_read().open(path)?;
    let (mut length, mut sum, mut room) = (0, 0, vec![0; 256 << 10]);
    loop {
        match file.read(&mut room) {
            Ok(0) => return Ok((length, sum)),
            Ok(count) => {
                sum = crc32c::crc32c_append(sum, &room[..count]);
                length += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
