//! A hotel that books rooms outside of the process: in a journal that is only added to, so that all
//! that was ever done and undone can be read in it.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;

use etl_connectors::{csv, sqlite};
use etl_core::Pipeline;
use etl_core::engine::RunOptions;
use etl_core::observe::report::Report;
use etl_core::prelude::*;
use rusqlite::Connection;
use serde::Serialize;

#[derive(Debug, Clone, Settings)]
pub struct Config {
    input: PathBuf,
    database: PathBuf,
    pub journal: PathBuf,
    /// The guest with this number cannot be booked.
    #[serde(default)]
    pub broken: Option<u64>,
    /// Nothing can be undone.
    #[serde(default)]
    pub closed: bool,
    /// While this file is there, the first to undo something takes it away and asks to be called again.
    pub busy: PathBuf,
}

#[derive(Record, Debug, Clone, Serialize, Deserialize)]
pub struct Guest {
    id: u64,
    name: CompactString,
}

#[derive(Record, Debug, Clone, Serialize, Deserialize)]
pub struct Booked {
    id: u64,
    room: CompactString,
}

impl Booked {
    #[allow(dead_code, reason = "not every test has guests without a room")]
    pub fn in_the_street(guest: Guest) -> Self {
        Self { id: guest.id, room: guest.name }
    }
}

#[derive(Debug, thiserror::Error, StageError)]
pub enum Closed {
    #[error("cannot be booked")]
    #[on_error(fail)]
    Broken,
    #[error("the hotel is closed")]
    #[on_error(fail)]
    Shut,
    #[error("the hotel is busy")]
    #[on_error(retry)]
    Busy,
}

#[extractor]
pub fn guests(config: &Config) -> Result<csv::Rows<Guest>> {
    csv::read(&config.input)
}

/// The same, from a source that cannot be read again.
#[extractor]
pub fn passing(config: &Config) -> Vec<Guest> {
    let _nobody_knows_who_comes = &config.input;
    (0..10).map(|id| Guest { id, name: "anybody".into() }).collect()
}

fn write(config: &Config, line: &str) {
    let mut journal = fs::OpenOptions::new().create(true).append(true).open(&config.journal).unwrap();
    journal.write_all(line.as_bytes()).unwrap();
}

fn take(guest: &Guest, config: &Config) -> Result<Booked, Closed> {
    if config.broken == Some(guest.id) {
        return Err(Closed::Broken);
    }
    write(config, &format!("+{}\n", guest.id));
    Ok(Booked { id: guest.id, room: format!("room {}", guest.id).into() })
}

fn give_back(guest: &Guest, booked: Option<&Booked>, config: &Config) -> Result<(), Closed> {
    if config.closed {
        return Err(Closed::Shut);
    }
    if fs::remove_file(&config.busy).is_ok() {
        return Err(Closed::Busy);
    }
    write(config, &format!("-{} {}\n", guest.id, booked.map_or("?", |booked| &booked.room)));
    Ok(())
}

#[transform(compensate = unbook)]
pub fn book(guest: &Guest, config: &Config) -> Result<Booked, Closed> {
    take(guest, config)
}

fn unbook(guest: &Guest, booked: Option<&Booked>, config: &Config) -> Result<(), Closed> {
    give_back(guest, booked, config)
}

/// The same for a record that is given away.
#[transform(compensate = unbook)]
pub fn book_own(guest: Guest, config: &Config) -> Result<Option<Booked>, Closed> {
    take(&guest, config).map(Some)
}

#[transform(compensate = unbook_aside, concurrency = 8, batch = 20)]
pub async fn book_aside(guest: Guest, config: &Config) -> Result<Booked, Closed> {
    tokio::time::sleep(std::time::Duration::from_millis(guest.id % 3)).await;
    take(&guest, config)
}

async fn unbook_aside(guest: &Guest, booked: Option<&Booked>, config: &Config) -> Result<(), Closed> {
    tokio::task::yield_now().await;
    give_back(guest, booked, config)
}

#[resource]
pub fn database(config: &Config) -> Result<sqlite::Database> {
    sqlite::open(&config.database)
}

#[loader(batch = 10)]
pub fn rooms(booked: &[Booked], tx: &mut sqlite::Transaction<'_>) -> Result<()> {
    tx.insert("rooms", booked)
}

#[resource]
pub fn list(config: &Config) -> Result<csv::File<Booked>> {
    csv::create(config.journal.with_extension("csv"))
}

#[loader(batch = 10)]
pub fn listed(booked: &[Booked], tx: &mut csv::Writer<'_, Booked>) -> Result<()> {
    tx.write(booked)
}

/// A target that keeps no account, of what is loaded between two checkpoints.
#[loader(batch = 10)]
pub fn told(booked: &[Booked], config: &Config) {
    let mut told = fs::OpenOptions::new().create(true).append(true).open(config.journal.with_extension("told")).unwrap();
    let ids: String = booked.iter().map(|booked| format!("{}\n", booked.id)).collect();
    told.write_all(ids.as_bytes()).unwrap();
}

pipeline! {
    /// One after the other, lent.
    pub Plain {
        settings: Config,
        resources: [database],
        flow: guests => book => rooms,
        delivery: exactly_once,
    }
}

pipeline! {
    /// One after the other, given away.
    pub Owned {
        settings: Config,
        resources: [database],
        flow: guests => book_own => rooms,
        delivery: exactly_once,
    }
}

pipeline! {
    /// Several at once.
    pub Aside {
        settings: Config,
        resources: [database],
        flow: guests => book_aside => rooms,
        delivery: exactly_once,
    }
}

pipeline! {
    /// Into a target whose checkpoint is a file of ours.
    pub Told {
        settings: Config,
        flow: guests => book => told,
    }
}

pipeline! {
    /// All at once, into a new file.
    pub Whole {
        settings: Config,
        resources: [list],
        flow: guests => book => listed,
        delivery: exactly_once,
        atomic: run,
    }
}

pipeline! {
    /// From a source that cannot be read again.
    pub Passing {
        settings: Config,
        resources: [database],
        flow: passing => book => rooms,
    }
}

/// A folder with guests, a table and a journal.
pub struct Place {
    folder: PathBuf,
    _removed: Option<tempfile::TempDir>,
    pub config: Config,
}

impl Place {
    /// With so many guests.
    pub fn new(records: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut place = Self::at(folder.path());
        let lines: String = (0..records).map(|id| format!("{id},guest of {id}\n")).collect();
        fs::write(&place.config.input, format!("id,name\n{lines}")).unwrap();
        Connection::open(&place.config.database).unwrap().execute_batch("CREATE TABLE rooms (id INTEGER, room TEXT)").unwrap();
        place._removed = Some(folder);
        place
    }

    /// One that is there.
    pub fn at(folder: &std::path::Path) -> Self {
        let path = |name: &str| folder.join(name);
        let config = Config {
            input: path("in.csv"),
            database: path("out.db"),
            journal: path("journal"),
            broken: None,
            closed: false,
            busy: path("busy"),
        };
        Self { folder: folder.to_owned(), _removed: None, config }
    }

    /// Where everything of it is.
    pub fn folder(&self) -> &std::path::Path {
        &self.folder
    }

    pub fn run<P: Pipeline<Settings = Config>>(&self, change: impl FnOnce(&mut RunOptions) + Send) -> Report {
        let state = self.folder.join("state");
        let run = P::run_with(self.config.clone(), |options| {
            options.state = Some(state);
            change(options);
        });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let report = runtime.block_on(run).unwrap();
        assert!(report.records.conserved(), "{:?}", report.records);
        report
    }

    pub fn journal(&self) -> Vec<String> {
        fs::read_to_string(&self.config.journal).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// Who has a room.
    pub fn held(&self) -> Vec<u64> {
        numbers_of(&self.journal()).unwrap()
    }

    /// What was undone, in this order, and the rooms that were known.
    pub fn undone(&self) -> Vec<(u64, Option<String>)> {
        self.journal().iter().filter_map(|line| given_back(line)).collect()
    }

    /// Who is in the table.
    pub fn loaded(&self) -> Vec<u64> {
        let sqlite = Connection::open(&self.config.database).unwrap();
        let mut rows = sqlite.prepare("SELECT id FROM rooms ORDER BY id").unwrap();
        rows.query_map([], |row| row.get::<_, i64>(0)).unwrap().map(|id| id.unwrap() as u64).collect()
    }

    /// Who was told.
    #[allow(dead_code, reason = "not every test has such a target")]
    pub fn told(&self) -> Vec<u64> {
        let told = fs::read_to_string(self.config.journal.with_extension("told")).unwrap_or_default();
        told.lines().map(|id| id.parse().unwrap()).collect()
    }

    /// The log of intents.
    pub fn log(&self) -> PathBuf {
        let folder = fs::read_dir(self.folder.join("state")).unwrap().map(|entry| entry.unwrap().path());
        folder.map(|folder| folder.join("intents")).find(|log| log.exists()).unwrap()
    }
}

/// Who has a room, by a journal.
///
/// # Errors
/// Somebody has two.
pub fn numbers_of(journal: &[String]) -> Result<Vec<u64>, String> {
    let mut held = BTreeSet::new();
    for line in journal {
        match (line.strip_prefix('+'), given_back(line)) {
            (Some(guest), _) if !held.insert(guest.parse::<u64>().unwrap()) => return Err(format!("guest {guest} has two rooms")),
            (None, Some((guest, _))) => {
                held.remove(&guest);
            }
            _ => {}
        }
    }
    Ok(held.into_iter().collect())
}

fn given_back(line: &str) -> Option<(u64, Option<String>)> {
    let (guest, room) = line.strip_prefix('-')?.split_once(' ')?;
    Some((guest.parse().unwrap(), Some(room.to_owned()).filter(|room| room != "?")))
}
