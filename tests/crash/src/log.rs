//! Rounds on record: one JSON line each, added up over many runs of the harness.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::Command;

use flate2::read::MultiGzDecoder;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::class::Class;
use crate::delivery_code;
use crate::kill::fell;
use crate::kinds::Kind;
use crate::outcome::Outcome;

/// What was tested, and by what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The commit.
    pub commit: String,
    /// The SHA-256 of the code of the folders that deliver, in hexadecimal, cut short.
    pub code: String,
    /// That of what each class has to do with.
    pub codes: BTreeMap<Class, String>,
}

/// A round, or several of one kind and class.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The commit.
    pub commit: String,
    /// The digest of the delivery code of the class.
    pub code: String,
    /// The class of the target, by name.
    pub class: String,
    /// What was done to the run, by name.
    pub kind: String,
    /// What reproduces it.
    pub seed: u64,
    /// How many rounds.
    pub rounds: u64,
    /// How many of them were not as promised.
    pub bad: u64,
    /// How many kills (or faults) fell before the first commit, between first and last, and after.
    pub kills: [usize; 3],
    /// Records that were lost.
    pub lost: u64,
    /// Records that were doubled.
    pub doubled: u64,
    /// Rows that should not be there at all.
    pub foreign: u64,
    /// Dead letters that were lost, doubled or foreign.
    pub letters: u64,
    /// How long recovery took each time, in milliseconds.
    pub recovery_ms: Vec<u64>,
    /// What was wrong in the first bad round.
    pub words: String,
}

impl Entry {
    /// Of one round.
    #[must_use]
    pub fn of(version: &Version, kind: Kind, class: Class, seed: u64, outcome: &Outcome) -> Self {
        let good = outcome.is_good(class.promise());
        Self {
            commit: version.commit.clone(),
            code: version.codes.get(&class).cloned().unwrap_or_default(),
            class: class.name().to_owned(),
            kind: kind.name().to_owned(),
            seed,
            rounds: 1,
            bad: u64::from(!good),
            kills: fell(&outcome.kills),
            lost: outcome.verdict.lost.len() as u64,
            doubled: outcome.verdict.doubles(),
            foreign: outcome.verdict.foreign.len() as u64,
            letters: outcome.verdict.wrong_letters(),
            recovery_ms: outcome.recoveries.iter().map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)).collect(),
            words: if good { String::new() } else { outcome.words() },
        }
    }

    /// Adds another of the same kind and class.
    pub fn add(&mut self, other: &Self) {
        if self.rounds == 0 {
            *self = other.clone();
            return;
        }
        self.rounds += other.rounds;
        self.bad += other.bad;
        for (sum, kills) in self.kills.iter_mut().zip(other.kills) {
            *sum += kills;
        }
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.foreign += other.foreign;
        self.letters += other.letters;
        self.recovery_ms.extend(&other.recovery_ms);
        if self.words.is_empty() {
            self.words.clone_from(&other.words);
        }
    }
}

/// What `program` was built of; `root` is where the code is now.
///
/// # Errors
/// It cannot be read, or was built of other code than is there now: its rounds would be noted for code
/// that did not run.
pub fn version(program: &Path, root: &Path) -> Result<Version> {
    let content = fs::read(program).map_err(|error| format!("cannot read {}: {error}", program.display()))?;
    let code = built_from(&content).ok_or("the program under test does not say of which code it was built")?;
    if code != delivery_code::digest(root)? {
        return Err("the program under test was built of other code than is there now: build it again".into());
    }
    let git = Command::new("git").arg("-C").arg(root).args(["rev-parse", "--short=12", "HEAD"]).output();
    let commit = git.ok().filter(|output| output.status.success()).and_then(|output| String::from_utf8(output.stdout).ok());
    Ok(Version { commit: commit.unwrap_or_default().trim().to_owned(), code, codes: codes(root)? })
}

/// The digests of the classes, of the code as it is now.
///
/// # Errors
/// It cannot be read.
pub fn codes(root: &Path) -> io::Result<BTreeMap<Class, String>> {
    Class::ALL.into_iter().map(|class| Ok((class, class.delivery_code(root)?))).collect()
}

/// What stands in a program behind its mark.
fn built_from(program: &[u8]) -> Option<String> {
    const MARK: &[u8] = b"etl-crash-code:";
    const DIGITS: usize = 16;
    let at = program.windows(MARK.len()).position(|window| window == MARK)? + MARK.len();
    let digest = program.get(at..at + DIGITS)?;
    String::from_utf8(digest.to_vec()).ok()
}

/// Adds a line to a file of rounds.
///
/// # Errors
/// It cannot be written.
pub fn append(path: &Path, entry: &Entry) -> Result<()> {
    let mut line = serde_json::to_vec(entry)?;
    line.push(b'\n');
    Ok(File::options().create(true).append(true).open(path)?.write_all(&line)?)
}

/// The rounds of a file that were run with this delivery code of their class. One whose name ends in `.gz` is compressed.
///
/// # Errors
/// It cannot be read.
pub fn read(path: &Path, codes: &BTreeMap<Class, String>) -> Result<Vec<Entry>> {
    let content = content(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let mut entries = Vec::new();
    for (line, number) in content.lines().zip(1..) {
        let entry: Entry = serde_json::from_str(line).map_err(|error| format!("{} line {number}: {error}", path.display()))?;
        if Class::by_name(&entry.class).and_then(|class| codes.get(&class)) == Some(&entry.code) {
            entries.push(entry);
        }
    }
    Ok(entries)
}

fn content(path: &Path) -> io::Result<String> {
    if path.extension().is_none_or(|extension| extension != "gz") {
        return fs::read_to_string(path);
    }
    let mut content = String::new();
    MultiGzDecoder::new(File::open(path)?).read_to_string(&mut content)?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::Place;

    #[test]
    fn only_rounds_of_the_same_code_count() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rounds.jsonl");
        let outcome = Outcome { kills: vec![Place::Before, Place::Between, Place::Between], ..Outcome::default() };
        let codes = |code: &str| BTreeMap::from([(Class::Sqlite, code.to_owned())]);
        for code in ["a", "b", "a"] {
            let version = Version { commit: "c".to_owned(), code: "all".to_owned(), codes: codes(code) };
            append(&path, &Entry::of(&version, Kind::Kill, Class::Sqlite, 7, &outcome)).unwrap();
        }
        let entries = read(&path, &codes("a")).unwrap();
        assert_eq!(entries.len(), 2);
        let mut sum = Entry::default();
        entries.iter().for_each(|entry| sum.add(entry));
        assert_eq!((sum.rounds, sum.bad, sum.kills), (2, 0, [2, 4, 0]));
        let compressed = directory.path().join("rounds.jsonl.gz");
        let mut gzip = flate2::write::GzEncoder::new(File::create(&compressed).unwrap(), flate2::Compression::default());
        gzip.write_all(&fs::read(&path).unwrap()).unwrap();
        gzip.finish().unwrap();
        assert_eq!(read(&compressed, &codes("a")).unwrap().len(), 2);
    }

    #[test]
    fn the_digest_is_of_the_code_and_its_names() {
        let root = tempfile::tempdir().unwrap();
        for folder in delivery_code::FOLDERS {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        let digest = || delivery_code::digest(root.path()).unwrap();
        let empty = digest();
        let file = root.path().join(delivery_code::FOLDERS[0]).join("a.rs");
        fs::write(&file, "fn a() {}").unwrap();
        let one = digest();
        let folder = root.path().join("etl-connectors/src/sqlite");
        let of_classes = || [Class::Sqlite, Class::Jsonl].map(|class| class.delivery_code(root.path()).unwrap());
        let [sqlite, jsonl] = of_classes();
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("a.rs"), "fn a() {}").unwrap();
        assert!(of_classes()[0] != sqlite && of_classes()[1] == jsonl, "what another connector does is of no account");
        fs::remove_dir_all(&folder).unwrap();
        fs::rename(&file, file.with_file_name("b.rs")).unwrap();
        let renamed = digest();
        assert!(empty != one && one != renamed);
        assert_eq!(digest(), renamed);
    }

    #[test]
    fn a_program_built_of_other_code_is_refused() {
        let root = tempfile::tempdir().unwrap();
        for folder in delivery_code::FOLDERS {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        let program = root.path().join("ferry");
        let built_from = |digest: &str| fs::write(&program, format!("\0\0etl-crash-code:{digest}\0")).unwrap();
        let now = delivery_code::digest(root.path()).unwrap();
        built_from(&now);
        assert_eq!(version(&program, root.path()).unwrap().code, now);
        built_from("0123456789abcdef");
        assert!(version(&program, root.path()).unwrap_err().to_string().contains("build it again"));
        fs::write(&program, "no mark").unwrap();
        assert!(version(&program, root.path()).is_err());
    }
}
