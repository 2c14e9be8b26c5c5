//! Files through any kill (I1, I2, I7): a run that is killed anywhere goes on from its checkpoint, and
//! in the end the files hold what an uninterrupted run would have written.
//!
//! A kill drops the connection: what was only in memory is gone, what was handed to the operating
//! system stays. The harness plays the engine: it keeps marks, and loads again what they do not cover.
#![cfg(all(feature = "csv", feature = "jsonl", feature = "parquet", feature = "gzip", feature = "zstd"))]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::{Item, WANTED, drive, item, listing};
use etl_connectors::{Compression, csv, jsonl, parquet};
use etl_core::ErrorKind;
use etl_core::target::{Keeps, Preparation, Recalled, Target, Transaction};
use futures::executor::block_on;
use proptest::prelude::*;

trait Loads: Target {
    fn load(transaction: &mut Self::Transaction<'_>, items: &[Item]);
}

macro_rules! loads {
    ($($format:ident),*) => { $(
        impl Loads for $format::File<Item> {
            fn load(transaction: &mut $format::Writer<'_, Item>, items: &[Item]) {
                transaction.write(items).unwrap();
            }
        }
    )* };
}
loads!(csv, jsonl, parquet);

/// What a run does, as the engine would.
#[derive(Clone, Debug)]
enum Step {
    /// A transaction of so many records.
    Load(usize),
    RollBack(usize),
    Checkpoint,
    /// The process is killed, with so many records written in an open transaction. Its last checkpoint
    /// may not have been written.
    Kill {
        open: usize,
        lost: bool,
    },
    /// It ends well, and the source grows by so many records.
    Finish {
        grows: usize,
    },
    /// It is killed between making everything durable and publishing it.
    KillSealed,
    /// It is stopped: what a mark speaks of is kept.
    Stop,
}

struct Run<T: Target> {
    target: T,
    connection: T::Connection,
    loaded: usize,
}

/// A source, a target, and the checkpoints between them.
struct World<T: Loads> {
    make: Box<dyn Fn() -> T>,
    items: Vec<Item>,
    /// How many of the items the source has.
    source: usize,
    /// The checkpoints that are on disk, and how much they cover.
    marks: Vec<(String, usize)>,
    run: Option<Run<T>>,
    /// So many of them were on disk before something was published.
    published: usize,
    /// How often there was a mark to go on from.
    resumed: usize,
}

fn items(count: usize) -> Vec<Item> {
    (0..count as i64)
        .map(|id| item(id, &format!("name {id}, \"{}\"", "x".repeat(id as usize % 90)), (id % 3 > 0).then_some(id as f64)))
        .collect()
}

impl<T: Loads> World<T> {
    fn new(items: Vec<Item>, source: usize, make: impl Fn() -> T + 'static) -> Self {
        Self { make: Box::new(make), items, source, marks: Vec::new(), run: None, published: 0, resumed: 0 }
    }

    fn run(&mut self) -> &mut Run<T> {
        if self.run.is_none() {
            let target = (self.make)();
            assert_eq!(target.keeps(), Keeps::Mark);
            let mut loaded = 0;
            let (mut mark, mut replaces) = (None, None);
            if let Some((last, covered)) = self.marks.last().cloned() {
                match block_on(target.recall(&last)).unwrap() {
                    Recalled::Holds => (mark, loaded) = (Some(last), covered),
                    Recalled::Finished | Recalled::Gone => replaces = Some(last),
                    _ => unreachable!(),
                }
                self.resumed += usize::from(loaded > 0);
            }
            for look_only in [true, false] {
                let preparation = Preparation::new(false, look_only).resumable(mark.clone()).replacing(replaces.clone());
                block_on(target.prepare(preparation)).unwrap();
            }
            let connection = block_on(target.connect()).unwrap();
            self.run = Some(Run { target, connection, loaded });
            self.checkpoint();
        }
        self.run.as_mut().unwrap()
    }

    fn checkpoint(&mut self) {
        let run = self.run.as_mut().unwrap();
        if let Some(mark) = block_on(run.target.checkpoint(&mut run.connection)).unwrap() {
            let loaded = run.loaded;
            self.marks.push((mark, loaded));
        }
    }

    fn write(&mut self, count: usize, commit: bool) {
        self.run();
        let run = self.run.as_mut().unwrap();
        let end = (run.loaded + count).min(self.source);
        let mut transaction = block_on(T::begin(&mut run.connection)).unwrap();
        T::load(&mut transaction, &self.items[run.loaded..end]);
        if commit {
            block_on(transaction.commit()).unwrap();
            run.loaded = end;
        } else {
            block_on(transaction.rollback()).unwrap();
        }
    }

    fn seal(&mut self) {
        self.write(usize::MAX >> 1, true);
        let run = self.run.as_mut().unwrap();
        if let Some(mark) = block_on(run.target.seal(&mut run.connection)).unwrap() {
            self.marks.push((mark, run.loaded));
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Load(count) => self.write(*count, true),
            Step::RollBack(count) => self.write(*count, false),
            Step::Checkpoint => {
                self.run();
                self.checkpoint();
            }
            Step::Kill { open, lost } => {
                self.run();
                let mut run = self.run.take().unwrap();
                let end = (run.loaded + open).min(self.source);
                let mut transaction = block_on(T::begin(&mut run.connection)).unwrap();
                T::load(&mut transaction, &self.items[run.loaded..end]);
                // Nobody takes it back.
                std::mem::forget(transaction);
                drop(run);
                if *lost && self.marks.len() > 2.max(self.published) {
                    self.marks.pop();
                }
            }
            Step::KillSealed => {
                self.seal();
                self.run = None;
            }
            Step::Stop => {
                self.run();
                self.checkpoint();
                let run = self.run.take().unwrap();
                block_on(run.target.abandon(run.connection));
            }
            Step::Finish { grows } => {
                self.finish();
                self.source = (self.source + grows).min(self.items.len());
            }
        }
    }

    fn finish(&mut self) {
        // A run whose source has nothing new is not begun where nothing can be added to the target.
        if self.run.is_none()
            && let Some((mark, covered)) = self.marks.last()
            && *covered == self.source
            && block_on((self.make)().recall(mark)).unwrap() == Recalled::Finished
        {
            return;
        }
        self.seal();
        self.published = self.marks.len();
        let run = self.run.take().unwrap();
        block_on(run.target.publish(run.connection)).unwrap();
    }
}

/// One way to keep records in files.
struct Way<T: Loads> {
    make: fn(&Path) -> T,
    read: fn(&Path) -> Vec<Item>,
    /// The same bytes, however often it was killed.
    bytes: bool,
}

fn read_csv(path: &Path) -> Vec<Item> {
    drive(csv::read::<Item>(path).unwrap(), WANTED).unwrap().records
}

fn read_jsonl(path: &Path) -> Vec<Item> {
    drive(jsonl::read::<Item>(path).unwrap(), WANTED).unwrap().records
}

fn read_parquet(path: &Path) -> Vec<Item> {
    drive(parquet::read::<Item>(path).unwrap(), WANTED).unwrap().records
}

fn unpacked(path: &Path) -> PathBuf {
    use std::io::Read;
    let packed = fs::read(path).unwrap();
    let mut text = Vec::new();
    if path.extension().unwrap() == "gz" {
        flate2::read::MultiGzDecoder::new(&packed[..]).read_to_end(&mut text).unwrap();
    } else {
        text = zstd::decode_all(&packed[..]).unwrap();
    }
    let plain = path.with_extension("plain");
    fs::write(&plain, text).unwrap();
    plain
}

/// The records of the parts that the newest manifest lists; nothing else is there.
fn read_dataset(directory: &Path, read: fn(&Path) -> Vec<Item>) -> Vec<Item> {
    let names = listing(directory);
    let newest = names.iter().rfind(|name| name.starts_with("manifest-")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(directory.join(newest)).unwrap()).unwrap();
    assert_eq!(manifest["finished"], true);
    let parts: Vec<&str> = manifest["parts"].as_array().unwrap().iter().map(|part| part["name"].as_str().unwrap()).collect();
    let there: Vec<&str> = names.iter().map(String::as_str).filter(|name| name.contains("part")).collect();
    assert_eq!(there, parts, "parts that are not listed, or the other way round");
    let mut all = Vec::new();
    for part in manifest["parts"].as_array().unwrap() {
        let records = read(&directory.join(part["name"].as_str().unwrap()));
        assert_eq!(part["rows"], records.len());
        all.extend(records);
    }
    all
}

impl<T: Loads> Way<T> {
    fn world(&self, path: &Path, source: usize, all: usize) -> World<T> {
        let (make, path) = (self.make, path.to_owned());
        World::new(items(all), source, move || make(&path))
    }

    /// What an uninterrupted run writes.
    fn expected(&self, directory: &Path, count: usize) -> Vec<u8> {
        let path = directory.join("expected.gz").with_extension(if self.bytes { "plain" } else { "gz" });
        let mut world = self.world(&path, count, count);
        world.finish();
        if self.bytes { fs::read(&path).unwrap() } else { Vec::new() }
    }

    fn holds(&self, steps: &[Step], name: &str) -> usize {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        let mut world = self.world(&path, 40, 100);
        for step in steps {
            world.step(step);
        }
        world.finish();
        assert_eq!((self.read)(&path), world.items[..world.source], "{steps:?}");
        // A run that was killed before it was known that there is nothing to do leaves an empty draft.
        let known = [name, ".out.parquet.partial"];
        let left: Vec<_> =
            listing(directory.path()).into_iter().filter(|left| !known.contains(&&**left) && !left.ends_with(".plain")).collect();
        assert!(left.is_empty(), "{left:?} is left after {steps:?}");
        if self.bytes {
            assert_eq!(fs::read(&path).unwrap(), self.expected(directory.path(), world.source), "{steps:?}");
        }
        world.resumed
    }
}

const NOW: Duration = Duration::ZERO;

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..20_usize).prop_map(Step::Load),
        2 => (0..20_usize).prop_map(Step::RollBack),
        4 => Just(Step::Checkpoint),
        4 => (0..30_usize, any::<bool>()).prop_map(|(open, lost)| Step::Kill { open, lost }),
        1 => (0..30_usize).prop_map(|grows| Step::Finish { grows }),
        1 => Just(Step::KillSealed),
        1 => Just(Step::Stop),
    ]
}

/// A run in which everything happens.
fn everything_happens() -> Vec<Step> {
    use Step::*;
    vec![
        Load(5),
        Checkpoint,
        Load(3),
        RollBack(4),
        Load(2),
        Checkpoint,
        Load(7),
        Checkpoint,
        Stop,
        Load(1),
        Checkpoint,
        Finish { grows: 20 },
        Load(3),
        Checkpoint,
        Load(30),
        Finish { grows: 20 },
        Load(1),
        Finish { grows: 0 },
    ]
}

macro_rules! ways {
    ($($name:ident: $file:literal, $way:expr;)*) => { $(
        mod $name {
            use super::*;

            /// I2: killed after every step, and while a transaction is open; the checkpoint before may
            /// be lost.
            #[test]
            fn a_kill_after_any_step_shows_in_nothing() {
                let way = $way;
                let steps = everything_happens();
                let mut resumed = 0;
                for at in 0..=steps.len() {
                    for kill in [Step::Kill { open: 0, lost: false }, Step::Kill { open: 9, lost: true }, Step::KillSealed] {
                        let mut steps = steps.clone();
                        steps.insert(at, kill.clone());
                        // A second one while it recovers.
                        steps.insert(at + 1, kill);
                        resumed += way.holds(&steps, $file);
                    }
                }
                assert!(resumed > 0 || $file == "out.parquet", "nothing was ever gone on from");
            }

            proptest! {
                #![proptest_config(ProptestConfig::with_cases(24))]

                /// I1, I2, I7: any steps in any order.
                #[test]
                fn any_steps_with_any_kills_show_in_nothing(steps in prop::collection::vec(step(), 0..24)) {
                    $way.holds(&steps, $file);
                }

                /// What a checkpoint says of the target is data: none of it makes a panic, and nothing
                /// of it is printed.
                #[test]
                fn marks_that_are_not_ours_are_errors(noise in "\\PC{0,40}", at in any::<prop::sample::Index>(), with in any::<u8>()) {
                    let directory = tempfile::tempdir().unwrap();
                    let mut world = $way.world(&directory.path().join($file), 20, 20);
                    world.seal();
                    let mark = world.marks.last().unwrap().0.clone();
                    world.run = None;
                    let target = (world.make)();
                    let error = block_on(target.recall(&format!("SECRET {noise}"))).unwrap_err();
                    prop_assert_eq!((error.kind(), error.code()), (ErrorKind::Config, "mark_unreadable"));
                    let printed = format!("{error:?}");
                    prop_assert!(!printed.contains("SECRET"));
                    let mut bytes = mark.clone().into_bytes();
                    let at = at.index(bytes.len());
                    bytes[at] = with;
                    if let Ok(corrupt) = String::from_utf8(bytes)
                        && let Err(error) = block_on(target.recall(&corrupt))
                    {
                        prop_assert_eq!(error.kind(), ErrorKind::Config);
                    }
                }
            }
        }
    )* };
}

ways! {
    csv_file: "out.csv", Way { make: |path| csv::create::<Item>(path).unwrap(), read: read_csv, bytes: true };
    csv_file_with_serde: "out.csv", Way { make: |path| csv::create_serde::<Item>(path).unwrap(), read: read_csv, bytes: true };
    jsonl_file: "out.jsonl", Way { make: |path| jsonl::create::<Item>(path).unwrap(), read: read_jsonl, bytes: true };
    csv_gzip: "out.csv.gz", Way { make: |path| csv::create::<Item>(path).unwrap(), read: |path| read_csv(&unpacked(path)), bytes: false };
    jsonl_zstd: "out.jsonl.zst", Way {
        make: |path| jsonl::options().compression(Compression::Zstd).create::<Item>(path).unwrap(),
        read: |path| read_jsonl(&unpacked(path)),
        bytes: false,
    };
    csv_append: "out.csv", Way { make: |path| csv::append::<Item>(path).unwrap(), read: read_csv, bytes: true };
    csv_append_with_serde: "out.csv", Way { make: |path| csv::append_serde::<Item>(path).unwrap(), read: read_csv, bytes: true };
    jsonl_append_gzip: "out.jsonl.gz", Way { make: |path| jsonl::append::<Item>(path).unwrap(), read: |path| read_jsonl(&unpacked(path)), bytes: false };
    parquet_file: "out.parquet", Way { make: |path| parquet::create::<Item>(path).unwrap(), read: read_parquet, bytes: false };
    parquet_dataset: "out", Way {
        make: |path| parquet::options().part_age(NOW).dataset::<Item>(path).unwrap(),
        read: |path| read_dataset(path, read_parquet),
        bytes: false,
    };
    csv_dataset: "out", Way {
        make: |path| csv::options().part_size(500).part_age(Duration::from_secs(3_600)).dataset::<Item>(path).unwrap(),
        read: |path| read_dataset(path, read_csv),
        bytes: false,
    };
    jsonl_dataset_zstd: "out", Way {
        make: |path| jsonl::options().compression(Compression::Zstd).part_age(NOW).dataset::<Item>(path).unwrap(),
        read: |path| read_dataset(path, |part| read_jsonl(&unpacked_beside(part))),
        bytes: false,
    };
}

/// Unpacked where it is no part of the dataset.
fn unpacked_beside(path: &Path) -> PathBuf {
    let plain = unpacked(path);
    let beside = path.parent().unwrap().with_extension("plain");
    fs::rename(plain, &beside).unwrap();
    beside
}
