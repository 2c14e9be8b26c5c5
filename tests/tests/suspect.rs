//! Records that kill the process (I7): each restart comes closer to them, until they are among the
//! dead letters and everything else is loaded, once.
//!
//! What dies is this test binary, started again.

#![allow(missing_docs, unreachable_pub, reason = "the stages of a test are public because the macros make public types of them")]

use std::path::Path;
use std::process::{Command, Stdio};

use etl_connectors::{csv, jsonl, sqlite};
use etl_core::Pipeline;
use etl_core::engine::RunOptions;
use etl_core::observe::report::Status;
use etl_core::prelude::*;
use rusqlite::Connection;

const FOLDER: &str = "ETL_TEST_FOLDER";
const PIPELINE: &str = "ETL_TEST_PIPELINE";
const COUNT: u64 = 1_000;
const BATCH: usize = 64;
/// Two of one parcel, and one elsewhere.
const POISON: [u64; 3] = [200, 201, 777];

#[derive(Debug, Clone, Settings)]
pub struct Config {
    folder: PathBuf,
}

#[derive(Record, Debug, Clone)]
pub struct Line {
    id: u64,
}

#[extractor]
pub fn lines(config: &Config) -> Result<csv::Rows<Line>> {
    csv::read(config.folder.join("in.csv"))
}

#[transform(parallel)]
pub fn survived(line: Line) -> Line {
    if POISON.contains(&line.id) {
        std::process::abort();
    }
    line
}

#[resource]
pub fn database(config: &Config) -> Result<sqlite::Database> {
    sqlite::open(config.folder.join("out.db"))
}

#[loader(batch = 100)]
pub fn table(lines: &[Line], tx: &mut sqlite::Transaction<'_>) -> Result<()> {
    tx.insert("lines", lines)
}

#[resource]
pub fn file(config: &Config) -> Result<jsonl::File<Line>> {
    jsonl::create(config.folder.join("out.jsonl"))
}

#[loader(batch = 100)]
pub fn written(lines: &[Line], tx: &mut jsonl::Writer<'_, Line>) -> Result<()> {
    tx.write(lines)
}

pipeline! {
    IntoTable {
        settings: Config,
        resources: [database],
        flow: lines => survived => table,
        delivery: exactly_once,
        dead_letter: file(settings.folder.join("rejects.jsonl")),
    }
}

pipeline! {
    IntoFile {
        settings: Config,
        resources: [file],
        flow: lines => survived => written,
        dead_letter: file(settings.folder.join("rejects.jsonl")),
    }
}

pipeline! {
    Failing {
        settings: Config,
        resources: [database],
        flow: lines => survived => table,
    }
}

fn run<P: Pipeline<Settings = Config>>(folder: &Path) -> Status {
    let run = P::run_with(Config { folder: folder.to_owned() }, |options: &mut RunOptions| {
        options.state = Some(folder.join("state"));
        options.stages[0].batch = BATCH;
        options.threads = 2;
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let report = runtime.block_on(run).unwrap();
    assert!(report.records.conserved(), "{:?}", report.records);
    if let Some(error) = &report.failure {
        std::fs::write(folder.join("failure.txt"), format!("{} at {:?}", error.code(), error.position().map(|at| at.ordinal))).unwrap();
    }
    report.status
}

/// Not a test: what the others start.
#[test]
fn a_process_for_the_others() {
    let (Ok(folder), Ok(pipeline)) = (std::env::var(FOLDER), std::env::var(PIPELINE)) else { return };
    let folder = Path::new(&folder);
    let status = match &*pipeline {
        "table" => run::<IntoTable>(folder),
        "file" => run::<IntoFile>(folder),
        _ => run::<Failing>(folder),
    };
    std::process::exit(if status == Status::Done { 0 } else { 1 });
}

/// Starts the pipeline again and again until it ends by itself: how often, and how.
fn restarted(pipeline: &str, folder: &Path) -> (u32, Option<i32>) {
    let lines: String = (0..COUNT).map(|id| format!("{id}\n")).collect();
    std::fs::write(folder.join("in.csv"), format!("id\n{lines}")).unwrap();
    Connection::open(folder.join("out.db")).unwrap().execute_batch("CREATE TABLE lines (id INTEGER)").unwrap();
    for restarts in 1..100 {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "a_process_for_the_others"]).env(FOLDER, folder).env(PIPELINE, pipeline);
        let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        if status.code().is_some() {
            return (restarts, status.code());
        }
    }
    panic!("it dies for ever");
}

fn dead_letters(folder: &Path) -> Vec<(u64, String)> {
    let letters = std::fs::read_to_string(folder.join("rejects.jsonl")).unwrap();
    let letter = |line: &str| {
        let letter: serde_json::Value = serde_json::from_str(line).unwrap();
        (letter["id"]["ordinal"].as_u64().unwrap(), letter["error_code"].as_str().unwrap().to_owned())
    };
    letters.lines().map(letter).collect()
}

fn survivors() -> Vec<u64> {
    (0..COUNT).filter(|id| !POISON.contains(id)).collect()
}

/// For each of them: runs that come to nothing, halvings, and the record itself twice.
fn bound() -> u32 {
    POISON.len() as u32 * (1 + 2 + BATCH.ilog2() + 2) + 1
}

fn expect_dead_letters(folder: &Path) {
    let letters = dead_letters(folder);
    assert_eq!(letters, POISON.map(|id| (id, "killed_the_process".to_owned())));
    let marks = walk(&folder.join("state")).into_iter().filter(|name| name.contains("under-way")).count();
    assert_eq!(marks, 0, "a run that has ended leaves no mark");
}

fn walk(folder: &Path) -> Vec<String> {
    std::fs::read_dir(folder)
        .unwrap()
        .flat_map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path) } else { vec![path.display().to_string()] }
        })
        .collect()
}

#[test]
fn i7_records_that_kill_the_process_end_in_the_dead_letters_and_all_others_in_the_table_once() {
    let folder = tempfile::tempdir().unwrap();
    let (restarts, code) = restarted("table", folder.path());
    assert_eq!(code, Some(0));
    assert!(restarts <= bound(), "{restarts} restarts");
    expect_dead_letters(folder.path());
    let sqlite = Connection::open(folder.path().join("out.db")).unwrap();
    let mut rows = sqlite.prepare("SELECT id FROM lines ORDER BY id").unwrap();
    let ids: Vec<u64> = rows.query_map([], |row| Ok(row.get::<_, i64>(0)? as u64)).unwrap().map(Result::unwrap).collect();
    assert_eq!(ids, survivors());
}

#[test]
fn i7_the_same_into_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let (restarts, code) = restarted("file", folder.path());
    assert_eq!(code, Some(0));
    assert!(restarts <= bound(), "{restarts} restarts");
    expect_dead_letters(folder.path());
    let lines = std::fs::read_to_string(folder.path().join("out.jsonl")).unwrap();
    let mut ids: Vec<u64> =
        lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_u64().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, survivors());
}

#[test]
fn without_dead_letters_the_run_fails_and_names_the_record() {
    let folder = tempfile::tempdir().unwrap();
    let (_, code) = restarted("failing", folder.path());
    assert_eq!(code, Some(1));
    assert_eq!(std::fs::read_to_string(folder.path().join("failure.txt")).unwrap(), "killed_the_process at Some(200)");
}
