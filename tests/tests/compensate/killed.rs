//! The run is killed with `SIGKILL` at every write of the log of intents, and once more while it
//! recovers: what is undone is exactly what is not committed. With a seeded bug it is not, and the
//! same test says so.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::hotel::{Place, Plain, numbers_of};

const GUESTS: u64 = 16;
/// One run fails here, so that it also writes down what it undoes.
const BROKEN: u64 = 13;

/// What is started again and again: not a test by itself.
#[test]
#[ignore = "started by the tests below"]
fn process() {
    let Ok(folder) = std::env::var("HOTEL") else { return };
    let mut place = Place::at(&PathBuf::from(folder));
    place.config.broken = std::env::var("BROKEN").ok().map(|guest| guest.parse().unwrap());
    let report = place.run::<Plain>(|options| options.stages[0].batch = 4);
    assert_eq!(report.failure.map(|failure| failure.code()), place.config.broken.map(|_| "Closed::Broken"));
}

/// How one process ended.
#[derive(Debug, PartialEq)]
enum End {
    Well,
    Killed,
}

struct Start<'a> {
    broken: bool,
    /// Which write, and how many hundredths of it are written.
    kill: Option<(u64, u8)>,
    mutant: Option<&'a str>,
}

fn start(folder: &Path, start: &Start<'_>) -> Result<End, String> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "killed::process", "--ignored", "--nocapture", "--test-threads=1"]).env("HOTEL", folder);
    command.env_remove("BROKEN").env_remove("ETL_KILL").env_remove("ETL_MUTANT").env("RUST_BACKTRACE", "0");
    if start.broken {
        command.env("BROKEN", BROKEN.to_string());
    }
    if let Some((at, hundredths)) = start.kill {
        command.env("ETL_KILL", format!("intents:{at}:{hundredths}"));
    }
    if let Some(mutant) = start.mutant {
        command.env("ETL_MUTANT", mutant);
    }
    let output = command.output().unwrap();
    match (output.status.signal(), output.status.success()) {
        (Some(9), _) => Ok(End::Killed),
        (None, true) => Ok(End::Well),
        _ => Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr))),
    }
}

/// What a process has added to the journal is judged by what was in the table before it began and is
/// after it has ended.
struct Witness {
    lines: usize,
    held: BTreeSet<u64>,
    loaded: BTreeSet<u64>,
}

impl Witness {
    fn of(place: &Place) -> Self {
        let held = numbers_of(&place.journal()).map(|held| held.into_iter().collect()).unwrap_or_default();
        Self { lines: place.journal().len(), held, loaded: place.loaded().into_iter().collect() }
    }

    /// What was undone since.
    fn undone(&self, place: &Place) -> Vec<u64> {
        let since = &place.journal()[self.lines..];
        since.iter().filter_map(|line| line.strip_prefix('-')?.split(' ').next()?.parse().ok()).collect()
    }

    fn check(&self, place: &Place) -> Result<(), String> {
        let undone = self.undone(place);
        if !undone.is_sorted_by(|a, b| a > b) {
            return Err(format!("not the newest first: {undone:?}"));
        }
        let loaded: BTreeSet<u64> = place.loaded().into_iter().collect();
        if let Some(guest) = undone.iter().find(|guest| loaded.contains(guest) && self.loaded.contains(guest)) {
            return Err(format!("guest {guest} is in the table and has lost the room"));
        }
        numbers_of(&place.journal()).map(|_| ())
    }
}

/// Kills a run at one write (and perhaps the next one at another), lets one end, and compares.
fn round(kills: &[(u64, u8)], mutant: Option<&str>) -> Result<bool, String> {
    let place = Place::new(GUESTS);
    let mut killed = false;
    for (attempt, kill) in kills.iter().enumerate() {
        let before = Witness::of(&place);
        let end = start(place.folder(), &Start { broken: attempt == 0, kill: Some(*kill), mutant })?;
        killed |= end == End::Killed;
        before.check(&place)?;
        if end == End::Well && attempt == 0 {
            return settled(&place).map(|()| false);
        }
    }
    // The next one undoes what is held and not in the table, before it reads.
    let before = Witness::of(&place);
    start(place.folder(), &Start { broken: false, kill: None, mutant })?;
    before.check(&place)?;
    let undone: BTreeSet<u64> = before.undone(&place).into_iter().collect();
    let wanted: BTreeSet<u64> = before.held.difference(&before.loaded).copied().collect();
    if !wanted.is_subset(&undone) {
        return Err(format!("held and not committed: {wanted:?}, undone: {undone:?}"));
    }
    settled(&place)?;
    let all: Vec<u64> = (0..GUESTS).collect();
    if place.loaded() != all || place.held() != all {
        return Err(format!("loaded {:?}, held {:?}", place.loaded(), place.held()));
    }
    Ok(killed)
}

/// What stands is what is in the table.
fn settled(place: &Place) -> Result<(), String> {
    let (held, loaded) = (numbers_of(&place.journal())?, place.loaded());
    if held == loaded { Ok(()) } else { Err(format!("held {held:?}, loaded {loaded:?}")) }
}

#[test]
fn i1_i2_a_kill_at_every_write_of_the_log_leaves_exactly_what_is_committed() {
    let mut writes = 0;
    loop {
        let mut any = false;
        for hundredths in [0, 50, 100] {
            let killed = round(&[(writes, hundredths)], None);
            any |= killed.unwrap_or_else(|why| panic!("killed at write {writes}, {hundredths} %: {why}"));
        }
        if !any {
            break;
        }
        writes += 1;
    }
    println!("killed at each of {writes} writes");
    assert!(writes > 20, "{writes}");
}

#[test]
fn i1_i2_a_second_kill_while_it_recovers_changes_nothing() {
    for (first, second) in (0..30).step_by(3).flat_map(|first| [0, 2, 9].map(|second| (first, second))) {
        let kills = [(first, 50), (second, if first % 2 == 0 { 100 } else { 30 })];
        round(&kills, None).unwrap_or_else(|why| panic!("killed at writes {first} and {second}: {why}"));
    }
}

#[test]
fn the_control_finds_an_intent_that_is_written_after_the_effect() {
    assert!(finds("intent_after_effect"));
}

#[test]
fn the_control_finds_a_compensation_of_what_is_committed() {
    assert!(finds("compensate_committed"));
}

fn finds(mutant: &str) -> bool {
    (0..30).any(|write| round(&[(write, 0)], Some(mutant)).is_err())
}
