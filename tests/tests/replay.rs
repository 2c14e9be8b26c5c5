//! `dlq replay`: what was rejected is loaded once its cause is mended, once; what is rejected again stays
//! a dead letter; and a record that is not the one that was rejected is not taken for it.

#![allow(missing_docs, unreachable_pub, reason = "the stages of a test are public because the macros make public types of them")]

use std::path::Path;

use etl_connectors::{csv, sqlite};
use etl_core::prelude::*;
use etl_core::{Pipeline, cli};
use rusqlite::Connection;

#[derive(Debug, Clone, Settings)]
pub struct Config {
    input: PathBuf,
    output: PathBuf,
    rejects: PathBuf,
    /// Ids that leave this remainder when divided by ten are refused.
    refused: u64,
}

#[derive(Record, Debug, Clone)]
pub struct Line {
    id: u64,
    text: CompactString,
}

#[derive(Debug, thiserror::Error, StageError)]
pub enum Wrong {
    #[error("is refused")]
    #[on_error(reject)]
    Refused,
}

#[extractor(malformed = reject)]
pub fn lines(config: &Config) -> Result<csv::Rows<Line>> {
    csv::read(&config.input)
}

#[transform(parallel)]
pub fn checked(line: &Line, config: &Config) -> Result<Line, Wrong> {
    if line.id % 10 == config.refused { Err(Wrong::Refused) } else { Ok(line.clone()) }
}

#[resource]
pub fn database(config: &Config) -> Result<sqlite::Database> {
    sqlite::open(&config.output)
}

#[loader(batch = 100)]
pub fn table(lines: &[Line], tx: &mut sqlite::Transaction<'_>) -> Result<()> {
    tx.insert("lines", lines)
}

#[resource]
pub fn file(config: &Config) -> Result<csv::File<Line>> {
    csv::create(&config.output)
}

#[loader(batch = 100)]
pub fn written(lines: &[Line], file: &mut csv::Writer<'_, Line>) -> Result<()> {
    file.write(lines)
}

pipeline! {
    ToTable {
        settings: Config,
        resources: [database],
        flow: lines => checked => table,
        delivery: exactly_once,
        dead_letter: file(settings.rejects),
    }
}

pipeline! {
    ToFile {
        settings: Config,
        resources: [file],
        flow: lines => checked => written,
        delivery: exactly_once,
        dead_letter: file(settings.rejects),
    }
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.write(500);
        place
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn write(&self, records: u64) {
        let lines: String = (0..records).map(|id| format!("{id},text {id}\n")).collect();
        std::fs::write(self.path("in.csv"), format!("id,text\n{lines}")).unwrap();
    }

    /// The exit code, and what was printed.
    fn call<P: Pipeline<Settings = Config>>(&self, output: &str, refused: u64, args: &[&str]) -> (u8, String) {
        let sets = [
            format!("input={}", self.path("in.csv")),
            format!("output={}", self.path(output)),
            format!("rejects={}", self.path("rejects.jsonl")),
            format!("refused={refused}"),
        ];
        let args = ["prog"]
            .into_iter()
            .chain(args.iter().copied())
            .map(str::to_owned)
            .chain(sets.into_iter().flat_map(|set| ["--set".to_owned(), set]));
        let env = [("ETL_STATE_DIR".to_owned(), self.path("state"))];
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = cli::run_with::<P>(args, env, &mut out, &mut err);
        (code, String::from_utf8(out).unwrap() + &String::from_utf8(err).unwrap())
    }

    fn letters<P: Pipeline<Settings = Config>>(&self, output: &str) -> usize {
        let (code, listed) = self.call::<P>(output, 0, &["dlq", "list", "--json"]);
        assert_eq!(code, 0, "{listed}");
        let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
        listed["letters"]
            .as_u64()
            .or_else(|| listed["letters"].as_array().map(|all| all.len() as u64))
            .unwrap_or_else(|| panic!("{listed}")) as usize
    }
}

fn in_table(path: &str) -> Vec<i64> {
    let sqlite = Connection::open(path).unwrap();
    let mut rows = sqlite.prepare("SELECT id FROM lines ORDER BY id").unwrap();
    rows.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

fn in_file(path: &str) -> Vec<i64> {
    let text = std::fs::read_to_string(Path::new(path)).unwrap();
    let mut ids: Vec<i64> = text.lines().skip(1).map(|line| line.split(',').next().unwrap().parse().unwrap()).collect();
    ids.sort_unstable();
    ids
}

fn all_but(refused: u64, records: u64) -> Vec<i64> {
    (0..records).filter(|id| id % 10 != refused).map(|id| id as i64).collect()
}

fn replayed<P: Pipeline<Settings = Config>>(output: &str, loaded: impl Fn(&str) -> Vec<i64>) {
    let place = Place::new();
    if output == "out.db" {
        Connection::open(place.path(output)).unwrap().execute_batch("CREATE TABLE lines (id INTEGER, text TEXT)").unwrap();
    }
    let (code, said) = place.call::<P>(output, 7, &["run"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!((loaded(&place.path(output)), place.letters::<P>(output)), (all_but(7, 500), 50));

    // Nothing is mended: they are dead letters still, and none is there twice.
    let (code, said) = place.call::<P>(output, 7, &["dlq", "replay", "--all"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!((loaded(&place.path(output)), place.letters::<P>(output)), (all_but(7, 500), 50), "{said}");

    // Mended.
    let (code, said) = place.call::<P>(output, 10, &["dlq", "replay", "--all"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!((loaded(&place.path(output)), place.letters::<P>(output)), ((0..500).collect::<Vec<_>>(), 0), "{said}");

    // And the pipeline goes on as if nothing had been.
    place.write(600);
    let (code, said) = place.call::<P>(output, 10, &["run"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(loaded(&place.path(output)), (0..600).collect::<Vec<_>>(), "{said}");
}

#[test]
fn i2_what_was_rejected_is_loaded_once_into_a_database() {
    replayed::<ToTable>("out.db", in_table);
}

#[test]
fn i2_what_was_rejected_is_loaded_once_into_a_file() {
    replayed::<ToFile>("out.csv", in_file);
}

#[test]
fn a_letter_that_comes_back_is_not_loaded_again() {
    let place = Place::new();
    Connection::open(place.path("out.db")).unwrap().execute_batch("CREATE TABLE lines (id INTEGER, text TEXT)").unwrap();
    place.call::<ToTable>("out.db", 7, &["run"]);
    let before = std::fs::read(place.path("rejects.jsonl")).unwrap();
    assert_eq!(place.call::<ToTable>("out.db", 10, &["dlq", "replay", "--all"]).0, 0);
    // As a kill between the target's commit and the tombstones leaves it.
    std::fs::write(place.path("rejects.jsonl"), before).unwrap();
    let (code, said) = place.call::<ToTable>("out.db", 10, &["dlq", "replay", "--all"]);
    assert_eq!((code, in_table(&place.path("out.db"))), (0, (0..500).collect::<Vec<_>>()), "{said}");
}

#[test]
fn a_record_that_has_changed_is_not_taken_for_the_one_that_was_rejected() {
    let place = Place::new();
    Connection::open(place.path("out.db")).unwrap().execute_batch("CREATE TABLE lines (id INTEGER, text TEXT)").unwrap();
    place.call::<ToTable>("out.db", 7, &["run"]);
    let text = std::fs::read_to_string(place.path("in.csv")).unwrap();
    std::fs::write(place.path("in.csv"), text.replace("497,text 497", "497,TEXT 497")).unwrap();
    let (code, said) = place.call::<ToTable>("out.db", 10, &["dlq", "replay", "--all"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("not the record that was rejected") && !said.contains("TEXT"), "{said}");
    assert!(!in_table(&place.path("out.db")).contains(&497));
}
