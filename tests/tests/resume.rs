//! A run that was stopped is gone on with: what was committed is not read again, what was not is not
//! lost, and what has changed since is refused.

#![allow(missing_docs, unreachable_pub, reason = "the stages of a test are public because the macros make public types of them")]

use etl_connectors::{csv, sqlite};
use etl_core::engine::RunOptions;
use etl_core::observe::report::{Report, Status};
use etl_core::prelude::*;
use etl_core::{ErrorKind, Pipeline};
use rusqlite::Connection;

#[derive(Debug, Clone, Settings)]
pub struct Config {
    input: PathBuf,
    database: PathBuf,
    rejects: PathBuf,
    /// The record with this number cannot be loaded.
    #[serde(default)]
    broken: Option<u64>,
}

#[derive(Record, Debug, Clone)]
pub struct Line {
    id: u64,
    text: CompactString,
}

#[derive(Debug, thiserror::Error, StageError)]
pub enum Wrong {
    #[error("every 37th is rejected")]
    #[on_error(reject)]
    Rejected,
    #[error("is broken")]
    #[on_error(fail)]
    Broken,
}

#[extractor]
pub fn lines(config: &Config) -> Result<csv::Rows<Line>> {
    csv::read(&config.input)
}

#[transform(parallel)]
pub fn checked(line: &Line, config: &Config) -> Result<Line, Wrong> {
    match line.id {
        id if config.broken == Some(id) => Err(Wrong::Broken),
        id if id % 37 == 5 => Err(Wrong::Rejected),
        _ => Ok(line.clone()),
    }
}

#[filter]
pub fn wanted(line: &Line) -> bool {
    line.id % 10 != 3
}

/// Gives each line the number of those before it.
#[transform]
pub fn numbered(mut line: Line, seen: &mut u64) -> Line {
    line.text = format!("{}/{seen}", line.text).into();
    *seen += 1;
    line
}

#[transform(concurrency = 4)]
pub async fn looked_up(line: Line) -> Line {
    line
}

#[resource]
pub fn database(config: &Config) -> Result<sqlite::Database> {
    sqlite::open(&config.database)
}

#[loader(batch = 100)]
pub fn table(lines: &[Line], tx: &mut sqlite::Transaction<'_>) -> Result<()> {
    tx.insert("lines", lines)
}

pipeline! {
    Lines {
        settings: Config,
        resources: [database],
        flow: lines => checked => wanted => table,
        delivery: exactly_once,
        dead_letter: file(settings.rejects),
    }
}

pipeline! {
    Numbered {
        settings: Config,
        resources: [database],
        flow: lines => checked => numbered => table,
        delivery: exactly_once,
        dead_letter: file(settings.rejects),
    }
}

pipeline! {
    LookedUp {
        settings: Config,
        resources: [database],
        flow: lines => numbered => looked_up => table,
        delivery: exactly_once,
    }
}

struct Place {
    folder: tempfile::TempDir,
    config: Config,
}

impl Place {
    fn new(records: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let config = Config { input: path("in.csv"), database: path("out.db"), rejects: path("rejects.jsonl"), broken: None };
        Connection::open(&config.database).unwrap().execute_batch("CREATE TABLE lines (id INTEGER, text TEXT)").unwrap();
        let place = Self { folder, config };
        place.write(0..records);
        place
    }

    fn write(&self, ids: std::ops::Range<u64>) {
        let lines: String = ids.map(|id| format!("{id},text {id}\n")).collect();
        std::fs::write(&self.config.input, format!("id,text\n{lines}")).unwrap();
    }

    fn run_of<P: Pipeline<Settings = Config>>(&self, change: impl FnOnce(&mut RunOptions) + Send) -> Report {
        let state = self.folder.path().join("state");
        let run = P::run_with(self.config.clone(), |options| {
            options.state = Some(state);
            change(options);
        });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let report = runtime.block_on(run).unwrap();
        assert!(report.records.conserved(), "{:?}", report.records);
        report
    }

    fn run(&self, change: impl FnOnce(&mut RunOptions) + Send) -> Report {
        self.run_of::<Lines>(change)
    }

    fn loaded(&self) -> Vec<(u64, String)> {
        let sqlite = Connection::open(&self.config.database).unwrap();
        let mut rows = sqlite.prepare("SELECT id, text FROM lines ORDER BY rowid").unwrap();
        rows.query_map([], |row| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?))).unwrap().collect::<Result<_, _>>().unwrap()
    }

    fn ids(&self) -> Vec<u64> {
        let mut ids: Vec<_> = self.loaded().into_iter().map(|(id, _)| id).collect();
        ids.sort_unstable();
        ids
    }

    fn rejected(&self) -> Vec<u64> {
        let lines = std::fs::read_to_string(&self.config.rejects).unwrap_or_default();
        let ordinal = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"]["ordinal"].as_u64().unwrap();
        let mut ordinals: Vec<_> = lines.lines().map(ordinal).collect();
        ordinals.sort_unstable();
        ordinals
    }
}

fn good(records: u64) -> Vec<u64> {
    (0..records).filter(|id| id % 37 != 5 && id % 10 != 3).collect()
}

fn bad(records: u64) -> Vec<u64> {
    (0..records).filter(|id| id % 37 == 5).collect()
}

#[test]
fn i2_a_run_in_parts_loads_what_one_run_does_at_any_batch_size_and_parallelism() {
    let place = Place::new(3_000);
    let mut parts = 0;
    let done = loop {
        let report = place.run(|options| {
            options.limit = Some(313);
            options.threads = 1 + parts % 3;
            options.stages[0].batch = [64, 500, 7, 2_048][parts % 4];
            options.stages[3].batch = [100, 33, 1_000][parts % 3];
        });
        assert_eq!(report.status, Status::Done);
        assert!(report.records.extracted <= 313);
        assert_eq!(report.resumed.is_some() || report.nothing_new, parts > 0);
        parts += 1;
        if report.records.extracted == 0 {
            break report;
        }
        assert!(parts < 20);
    };
    assert_eq!(place.ids(), good(3_000));
    assert_eq!(place.rejected(), bad(3_000));
    let all = done.all_runs.unwrap();
    assert_eq!((all.extracted, all.loaded, all.rejected), (3_000, good(3_000).len() as u64, bad(3_000).len() as u64));
    assert!(all.conserved());
}

#[test]
fn i4_an_operator_cannot_lose_the_order_behind_a_stage_that_keeps_state() {
    let place = Place::new(100);
    let unordered: fn(&mut RunOptions) = |options| options.stages[2].unordered = true;
    let side_by_side: fn(&mut RunOptions) = |options| options.stages[3].concurrency = 2;
    for (change, option) in [(unordered, "looked_up.unordered"), (side_by_side, "table.concurrency")] {
        let failure = place.run_of::<LookedUp>(change).failure.unwrap();
        assert_eq!(failure.kind(), ErrorKind::Config);
        let words = format!("`{option}` loses the order of the records behind `numbered`, which keeps state");
        assert!(failure.to_string().contains(&words), "{failure}");
    }
    assert!(place.ids().is_empty());
    assert_eq!(place.run_of::<LookedUp>(|_| {}).status, Status::Done);
    assert_eq!(place.ids(), (0..100).collect::<Vec<_>>());
}

#[test]
fn i4_a_lost_state_folder_doubles_nothing() {
    let place = Place::new(1_000);
    place.run(|options| options.limit = Some(450));
    std::fs::remove_dir_all(place.folder.path().join("state")).ok();
    let report = place.run(|_| {});
    assert_eq!(report.records.extracted, 550);
    assert_eq!(place.ids(), good(1_000));
}

#[test]
fn a_finished_run_loads_nothing_and_one_whose_source_has_grown_goes_on() {
    let place = Place::new(500);
    assert_eq!(place.run(|_| {}).records.extracted, 500);
    let again = place.run(|_| {});
    assert_eq!((again.status, again.nothing_new, again.records.extracted), (Status::Done, true, 0));
    assert_eq!(again.all_runs.unwrap().extracted, 500);
    place.write(0..700);
    let more = place.run(|_| {});
    assert_eq!((more.status, more.records.extracted), (Status::Done, 200));
    assert_eq!(place.ids(), good(700));
}

#[test]
fn a_source_that_was_replaced_half_way_is_refused_and_one_replaced_afterwards_is_another() {
    let place = Place::new(500);
    place.run(|options| options.limit = Some(100));
    place.write(1_000..1_500);
    let refused = place.run(|_| {});
    let error = refused.failure.unwrap();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Extraction, "source_changed"));
    place.write(0..400);
    assert_eq!(place.run(|_| {}).failure.unwrap().code(), "source_changed", "it is shorter");
    place.write(0..500);
    assert_eq!(place.run(|_| {}).records.extracted, 400);
    place.write(1_000..1_500);
    assert_eq!(place.run(|_| {}).records.extracted, 500);
    let mut expected = good(500);
    expected.extend((1_000..1_500).filter(|id| id % 37 != 5 && id % 10 != 3));
    assert_eq!(place.ids(), expected);
}

#[test]
fn i7_a_run_that_failed_goes_on_once_the_cause_is_mended() {
    let mut place = Place::new(1_000);
    place.config.broken = Some(700);
    let failed = place.run(|_| {});
    assert_eq!(failed.status, Status::Failed);
    assert!(place.run(|_| {}).failure.is_some(), "it fails there again");
    place.config.broken = None;
    let report = place.run(|_| {});
    assert_eq!((report.status, place.ids()), (Status::Done, good(1_000)));
    assert_eq!(place.rejected(), bad(1_000), "dead letters that were written before the failure are there once");
}

#[test]
fn another_program_is_refused_with_what_has_changed() {
    let place = Place::new(500);
    place.run(|options| options.limit = Some(100));
    // The same name, another flow.
    pipeline! {
        Lines {
            settings: Config,
            resources: [database],
            flow: lines => checked => table,
            delivery: exactly_once,
            dead_letter: file(settings.rejects),
        }
    }
    let refused = place.run_of::<Lines>(|_| {});
    let error = refused.failure.unwrap();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Config, "changed_since"));
    assert_eq!(error.causes().collect::<Vec<_>>(), ["stage `wanted` is gone"]);
    assert_eq!(place.run_of::<Lines>(|options| options.accept_changes = true).records.extracted, 400);
}

#[test]
fn fresh_is_refused_while_the_table_holds_earlier_records_and_replaces_them_when_told_to() {
    let place = Place::new(300);
    place.run(|_| {});
    let refused = place.run(|options| options.fresh = true);
    assert!(refused.failure.unwrap().message().contains("holds records"), "told what is in the way");
    let replaced = place.run(|options| (options.fresh, options.replace) = (true, true));
    assert_eq!((replaced.records.extracted, place.ids()), (300, good(300)));
    assert_eq!(replaced.all_runs.unwrap().extracted, 300);
}

#[test]
fn what_a_stage_remembers_is_remembered_by_the_next_run() {
    let whole = Place::new(600);
    whole.run_of::<Numbered>(|_| {});
    let parts = Place::new(600);
    for _ in 0..4 {
        parts.run_of::<Numbered>(|options| options.limit = Some(170));
    }
    assert_eq!(parts.loaded(), whole.loaded());
}

#[test]
fn i5_a_second_run_is_refused_while_the_first_holds_the_lease() {
    let place = Place::new(300);
    place.run(|options| options.limit = Some(10));
    // As a live run leaves it: this process, and time left.
    let holder = serde_json::to_string(&etl_core::target::Holder::this()).unwrap();
    let sqlite = Connection::open(&place.config.database).unwrap();
    sqlite.execute("UPDATE _etl_lease SET holder = ?1, expires = unixepoch() + 60", [&holder]).unwrap();
    let refused = place.run(|_| {}).failure.unwrap();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Unavailable, "already_running"));
    assert!(refused.message().contains(&format!("process {}", std::process::id())), "{refused}");
    sqlite.execute("UPDATE _etl_lease SET expires = unixepoch() - 1", []).unwrap();
    assert_eq!(place.run(|_| {}).records.extracted, 290);
    assert_eq!(place.ids(), good(300));
}

/// The loader hands the lease to another run in the middle of this one.
#[test]
fn i5_a_run_that_lost_its_lease_commits_nothing_more() {
    #[loader(batch = 100)]
    pub fn stolen(lines: &[Line], config: &Config, tx: &mut sqlite::Transaction<'_>) -> Result<()> {
        if lines.iter().any(|line| line.id == 250) {
            // In its own transaction the thief would wait for the lock; what counts is the epoch.
            tx.execute("UPDATE _etl_lease SET epoch = epoch + 1")?;
        }
        let _other = &config.input;
        tx.insert("lines", lines)
    }
    pipeline! {
        Stolen {
            settings: Config,
            resources: [database],
            flow: lines => checked => stolen,
            delivery: exactly_once,
            dead_letter: file(settings.rejects),
        }
    }
    let place = Place::new(600);
    let fenced = place.run_of::<Stolen>(|_| {}).failure.unwrap();
    assert_eq!((fenced.kind(), fenced.code()), (ErrorKind::Unavailable, "fenced"));
    let last = *place.ids().last().unwrap();
    assert!(last < 250, "{last}");
}
