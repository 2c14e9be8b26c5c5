//! What a disk may hold after the power has failed, from what a run did before.
//!
//! The rules are those of POSIX and nothing more: bytes are durable once their file was synced, names
//! once their directory was. What was not synced may be there, be lost or be torn. A rename is whole
//! or not at all. (Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014, tell which
//! programs rely on more.)

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::tracer::{Call, Change};

/// The blocks that a disk writes whole.
const BLOCK: usize = 512;

/// A directory as the program sees it and as the disk holds it.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    /// The names that the program sees.
    names: BTreeMap<PathBuf, usize>,
    /// Those that are durable.
    durable: BTreeMap<PathBuf, usize>,
    /// What was done to names and is not durable, in order.
    pending: Vec<Naming>,
    files: Vec<Content>,
    directories: BTreeSet<PathBuf>,
}

#[derive(Clone, Debug, Default)]
struct Content {
    durable: Vec<u8>,
    /// What was done since, in order.
    pending: Vec<Edit>,
}

#[derive(Clone, Debug)]
enum Edit {
    Write { offset: u64, bytes: Vec<u8> },
    Cut(u64),
}

/// A change of names that is whole or not at all.
#[derive(Clone, Debug)]
struct Naming {
    gone: Option<PathBuf>,
    there: Option<(PathBuf, usize)>,
}

/// What becomes of that which was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Luck {
    /// All of it is lost.
    Nothing,
    /// The names survive, the bytes do not.
    Names,
    /// The bytes survive, the names do not.
    Bytes,
    /// Each change survives or not, or in part, as a die with this seed falls.
    Die(u64),
}

impl Disk {
    /// A directory, all of it durable.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of(directory: &Path) -> Result<Self> {
        let mut disk = Self::default();
        let mut folders = vec![directory.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    disk.files.push(Content { durable: fs::read(&path)?, pending: Vec::new() });
                    disk.durable.insert(path, disk.files.len() - 1);
                }
            }
            disk.directories.insert(folder);
        }
        disk.names.clone_from(&disk.durable);
        Ok(disk)
    }

    /// Does what the program did.
    ///
    /// # Errors
    /// A call that is not understood: then nothing can be said of the disk.
    pub fn follow(&mut self, calls: &[Call]) -> Result<()> {
        calls.iter().filter(|call| !call.spoilt).try_for_each(|call| self.change(&call.change))
    }

    fn change(&mut self, change: &Change) -> Result<()> {
        match change {
            Change::Open { path, create, empty } => {
                let file = match self.names.get(path) {
                    Some(file) => *file,
                    None if *create => {
                        self.files.push(Content::default());
                        let file = self.files.len() - 1;
                        self.name(Naming { gone: None, there: Some((path.clone(), file)) });
                        file
                    }
                    None => return Err(unknown(path)),
                };
                if *empty && !self.files[file].now().is_empty() {
                    self.files[file].pending.push(Edit::Cut(0));
                }
            }
            Change::Write { path, offset, bytes } => {
                let edit = Edit::Write { offset: *offset, bytes: bytes.clone() };
                self.edit(path, edit)?;
            }
            Change::Cut { path, length } => self.edit(path, Edit::Cut(*length))?,
            Change::Sync { path } if self.directories.contains(path) => self.sync_directory(path),
            Change::Sync { path } => {
                let file = self.file(path)?;
                file.durable = file.now();
                file.pending.clear();
            }
            Change::Rename { from, to, keeps } => {
                let file = *self.names.get(from).ok_or_else(|| unknown(from))?;
                self.name(Naming { gone: (!keeps).then(|| from.clone()), there: Some((to.clone(), file)) });
            }
            Change::Remove { path } => self.name(Naming { gone: Some(path.clone()), there: None }),
            // A directory that is lost takes its names with it; they are lost anyway until it is synced.
            Change::Directory { path } => {
                self.directories.insert(path.clone());
            }
            Change::Send { .. } => {}
            Change::Other { number, path } => return Err(format!("system call {number} on {} is not understood", path.display()).into()),
        }
        Ok(())
    }

    fn name(&mut self, naming: Naming) {
        naming.apply(&mut self.names);
        self.pending.push(naming);
    }

    /// What a name that was removed meanwhile stood for is lost with it.
    fn file(&mut self, path: &Path) -> Result<&mut Content> {
        let file = *self.names.get(path).ok_or_else(|| unknown(path))?;
        Ok(&mut self.files[file])
    }

    fn edit(&mut self, path: &Path, edit: Edit) -> Result<()> {
        self.file(path)?.pending.push(edit);
        Ok(())
    }

    fn sync_directory(&mut self, directory: &Path) {
        for naming in std::mem::take(&mut self.pending) {
            if naming.is_in(directory) { naming.apply(&mut self.durable) } else { self.pending.push(naming) }
        }
    }

    /// What may be there when the power is back.
    #[must_use]
    pub fn after_power_failure(&self, luck: Luck) -> BTreeMap<PathBuf, (usize, Vec<u8>)> {
        let mut rng = fastrand::Rng::with_seed(if let Luck::Die(seed) = luck { seed } else { 0 });
        let mut names = self.durable.clone();
        // Names of one directory are lost from the last one backwards: directories are journals.
        let mut lost: BTreeSet<PathBuf> = BTreeSet::new();
        for naming in &self.pending {
            let survives = match luck {
                Luck::Nothing | Luck::Bytes => false,
                Luck::Names => true,
                Luck::Die(_) => !lost.contains(&naming.directory()) && rng.bool(),
            };
            if survives {
                naming.apply(&mut names);
            } else {
                lost.insert(naming.directory());
            }
        }
        let content = |file: usize, rng: &mut fastrand::Rng| match luck {
            Luck::Nothing | Luck::Names => self.files[file].durable.clone(),
            Luck::Bytes => self.files[file].now(),
            Luck::Die(_) => self.files[file].torn(rng),
        };
        names.into_iter().map(|(name, file)| (name, (file, content(file, &mut rng)))).collect()
    }

    /// Makes the directory, which is now as the program left it, hold what is there when the power is
    /// back. Files keep their inodes: what remembers a file by its inode must find it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn put(&self, directory: &Path, after: &BTreeMap<PathBuf, (usize, Vec<u8>)>) -> Result<()> {
        let hold = directory.with_extension("hold");
        fs::create_dir(&hold)?;
        for (name, file) in &self.names {
            match fs::rename(name, hold.join(file.to_string())) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        for (name, (file, content)) in after {
            let held = hold.join(file.to_string());
            if !held.exists() {
                File::create(&held)?;
            }
            // Cut and written in place.
            fs::write(&held, content)?;
            if let Some(parent) = name.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::hard_link(&held, name)?;
        }
        Ok(fs::remove_dir_all(&hold)?)
    }
}

impl Content {
    /// As the program sees it.
    fn now(&self) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        self.pending.iter().for_each(|edit| edit.apply(&mut bytes));
        bytes
    }

    /// Some of the changes, some of them in part: a disk writes blocks in whatever order.
    fn torn(&self, rng: &mut fastrand::Rng) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        for edit in &self.pending {
            match (rng.u8(..3), edit) {
                (0, _) => {}
                (1, Edit::Write { offset, bytes: written }) => {
                    for (block, content) in written.chunks(BLOCK).enumerate() {
                        if rng.bool() {
                            write(&mut bytes, offset + (block * BLOCK) as u64, content);
                        }
                    }
                }
                (_, edit) => edit.apply(&mut bytes),
            }
        }
        bytes
    }
}

impl Edit {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => write(content, *offset, bytes),
            Self::Cut(length) => content.resize(usize::try_from(*length).unwrap_or(usize::MAX), 0),
        }
    }
}

/// What was never written between the end and `offset` is zero.
fn write(content: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    let start = usize::try_from(offset).unwrap_or(usize::MAX);
    let end = start + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[start..end].copy_from_slice(bytes);
}

impl Naming {
    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        if let Some(gone) = &self.gone {
            names.remove(gone);
        }
        if let Some((there, file)) = &self.there {
            names.insert(there.clone(), *file);
        }
    }

    fn directory(&self) -> PathBuf {
        let name = self.there.as_ref().map(|(name, _)| name).or(self.gone.as_ref());
        name.and_then(|name| name.parent()).unwrap_or(Path::new("")).to_owned()
    }

    fn is_in(&self, directory: &Path) -> bool {
        self.directory() == directory
    }
}

fn unknown(path: &Path) -> Box<dyn std::error::Error> {
    format!("{} was changed before it was made", path.display()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(change: Change) -> Call {
        Call { change, spoilt: false }
    }

    fn made(path: &str) -> Call {
        call(Change::Open { path: path.into(), create: true, empty: false })
    }

    fn written(path: &str, bytes: &[u8]) -> Call {
        call(Change::Write { path: path.into(), offset: 0, bytes: bytes.to_vec() })
    }

    fn synced(path: &str) -> Call {
        call(Change::Sync { path: path.into() })
    }

    fn renamed(from: &str, to: &str) -> Call {
        call(Change::Rename { from: from.into(), to: to.into(), keeps: false })
    }

    fn after(calls: &[Call], luck: Luck) -> Vec<(String, String)> {
        let mut disk = Disk { directories: BTreeSet::from(["/d".into()]), ..Disk::default() };
        disk.follow(calls).unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let files = disk.after_power_failure(luck);
        files.iter().map(|(name, (_, bytes))| (name.display().to_string(), text(bytes))).collect()
    }

    fn file(name: &str, content: &str) -> (String, String) {
        (name.to_owned(), content.to_owned())
    }

    #[test]
    fn a_file_is_durable_when_it_and_its_directory_were_synced() {
        let whole = [made("/d/a"), written("/d/a", b"one"), synced("/d/a"), renamed("/d/a", "/d/b"), synced("/d")];
        assert_eq!(after(&whole, Luck::Nothing), [file("/d/b", "one")]);
    }

    #[test]
    fn without_a_sync_of_the_file_a_renamed_file_can_be_empty() {
        let calls = [made("/d/a"), written("/d/a", b"one"), renamed("/d/a", "/d/b"), synced("/d")];
        assert_eq!(after(&calls, Luck::Nothing), [file("/d/b", "")]);
        assert_eq!(after(&calls, Luck::Bytes), [file("/d/b", "one")]);
    }

    #[test]
    fn without_a_sync_of_the_directory_a_name_can_be_lost() {
        let calls = [made("/d/a"), written("/d/a", b"one"), synced("/d/a"), synced("/d"), renamed("/d/a", "/d/b")];
        assert_eq!(after(&calls, Luck::Nothing), [file("/d/a", "one")]);
        assert_eq!(after(&calls, Luck::Names), [file("/d/b", "one")]);
        assert_eq!(after(&calls[..3], Luck::Nothing), []);
    }

    #[test]
    fn a_removed_name_can_come_back() {
        let calls = [made("/d/a"), written("/d/a", b"one"), synced("/d/a"), synced("/d"), call(Change::Remove { path: "/d/a".into() })];
        assert_eq!(after(&calls, Luck::Nothing), [file("/d/a", "one")]);
        assert_eq!(after(&calls, Luck::Names), []);
    }

    #[test]
    fn a_die_loses_keeps_and_tears() {
        let bytes = [b"x".repeat(BLOCK), b"y".repeat(BLOCK)].concat();
        let calls = [made("/d/a"), synced("/d"), written("/d/a", &bytes)];
        let outcomes: BTreeSet<_> = (0..64).map(|seed| after(&calls, Luck::Die(seed))[0].1.clone()).collect();
        let all = String::from_utf8(bytes).unwrap();
        assert!(outcomes.contains("") && outcomes.contains(&all) && outcomes.contains(&all[..BLOCK]), "lost, kept, torn");
        assert!(outcomes.contains(&("\0".repeat(BLOCK) + &all[BLOCK..])), "the second block without the first");
    }

    #[test]
    fn what_is_put_there_keeps_its_inode() {
        use std::os::unix::fs::MetadataExt;
        let place = tempfile::tempdir().unwrap();
        let directory = place.path().join("d");
        fs::create_dir(&directory).unwrap();
        let (a, b) = (directory.join("a"), directory.join("b"));
        fs::write(&a, "old").unwrap();
        let mut disk = Disk::of(&directory).unwrap();
        fs::write(&a, "new").unwrap();
        fs::rename(&a, &b).unwrap();
        let inode = b.metadata().unwrap().ino();
        let calls = [
            call(Change::Open { path: a.clone(), create: true, empty: true }),
            call(Change::Write { path: a.clone(), offset: 0, bytes: b"new".to_vec() }),
            call(Change::Rename { from: a.clone(), to: b.clone(), keeps: false }),
        ];
        disk.follow(&calls).unwrap();
        disk.put(&directory, &disk.after_power_failure(Luck::Nothing)).unwrap();
        assert!(!b.exists());
        assert_eq!((fs::read_to_string(&a).unwrap().as_str(), a.metadata().unwrap().ino()), ("old", inode));
    }
}
