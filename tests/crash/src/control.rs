//! The control: seeded bugs, each of which must be caught. A harness that finds nothing proves nothing
//! until it has found these.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Instant;

use crate::Result;
use crate::args::Args;
use crate::campaign::random_round;
use crate::class::Class;
use crate::disk::Luck;
use crate::kinds::Kind;
use crate::outcome::Outcome;
use crate::power;
use crate::spoil::{self, RECORDS};
use crate::tracer::{EIO, ENOSPC, Fault};
use crate::yard::Yard;

/// Where a seeded bug shows: what is done to which class. One that is not listed is looked for in one
/// class of each way to keep how far a run has come.
const SHOWS: [(&str, Kind, &[Class]); 25] = [
    ("checkpoint_before_load", Kind::Syscall, &[Class::Append, Class::CsvAppend]),
    ("checkpoint_without_fsync", Kind::Power, &[Class::Append, Class::CsvFile]),
    ("checkpoint_without_directory_fsync", Kind::Power, &[Class::Append, Class::CsvFile]),
    ("commit_assumed", Kind::Errno, &[Class::Sqlite]),
    ("commit_before_dead_letters", Kind::Syscall, &[Class::Sqlite]),
    ("commit_not_asked_for", Kind::Cut, &[Class::Postgres]),
    ("coverage_of_half_batch", Kind::Kill, &[Class::Sqlite, Class::Jsonl]),
    ("dead_letters_without_dedup", Kind::Kill, &[Class::Sqlite, Class::CsvFile]),
    ("dead_letters_without_sync", Kind::Power, &[Class::Sqlite, Class::CsvFile]),
    ("epoch_unchecked", Kind::Zombie, &[Class::Sqlite]),
    ("file_without_directory_fsync", Kind::Power, &[Class::CsvFile, Class::Dataset]),
    ("file_without_fsync", Kind::Power, &[Class::CsvFile, Class::Dataset]),
    ("grown_record_unchecked", Kind::Grown, &[Class::Sqlite, Class::CsvAppend]),
    ("high_water_mark", Kind::Kill, &[Class::Sqlite, Class::Jsonl]),
    ("ledger_outside_transaction", Kind::Syscall, &[Class::Sqlite]),
    ("manifest_before_parts", Kind::Power, &[Class::Dataset]),
    ("mark_before_data", Kind::Power, &[Class::CsvFile, Class::CsvAppend]),
    ("no_ledger", Kind::Kill, &[Class::Sqlite]),
    ("postgres_epoch_unchecked", Kind::Zombie, &[Class::Postgres]),
    ("postgres_ledger_unwritten", Kind::Kill, &[Class::Postgres]),
    ("postgres_reuses_broken_sessions", Kind::Stall, &[Class::Postgres]),
    ("postgres_rollback_unsent", Kind::Stall, &[Class::Postgres]),
    ("resume_without_truncate", Kind::Kill, &[Class::CsvAppend, Class::CsvFile]),
    ("skip_final_flush", Kind::Kill, &[Class::Sqlite, Class::CsvFile]),
    ("sqlite_without_sync", Kind::Power, &[Class::Sqlite]),
];

/// Seeded bugs that show in no pipeline of the ferry, and where they are caught instead.
const ELSEWHERE: [(&str, &str); 4] = [
    ("compensate_committed", "tests/tests/compensate"),
    // The targets that there are give up a broken session themselves; the contract does not ask it of them.
    ("connection_reused", "etl-core/tests/connections"),
    ("intent_after_effect", "tests/tests/compensate"),
    // What is doubled or lost are sums, and no record.
    ("sealed_side_by_side", "etl-core/tests/connections"),
];

/// How many rounds of random kills a bug may survive.
const PATIENCE: u64 = 100;

/// Looks for each seeded bug of the code. Returns whether all of them were caught.
///
/// # Errors
/// The harness itself fails.
pub fn all(yard: &Yard, args: &Args, seed: u64, until: Option<Instant>) -> Result<bool> {
    let in_code = in_code(&crate::campaign::workspace())?;
    println!("\nseeded bugs, and after how many kills and faults each is caught:");
    let mut all_caught = true;
    for name in &in_code {
        if until.is_some_and(|until| Instant::now() >= until) {
            println!("  {name}: not looked for, the time is up");
            continue;
        }
        if let Some((_, place)) = ELSEWHERE.iter().find(|(elsewhere, _)| elsewhere == name) {
            println!("  {name}: not here ({place})");
            continue;
        }
        let listed: Vec<_> =
            SHOWS.iter().filter(|(listed, ..)| listed == name).map(|(_, kind, classes)| (*kind, classes.to_vec())).collect();
        let hunts = if listed.is_empty() {
            [Kind::Syscall, Kind::Power, Kind::Kill].map(|kind| (kind, vec![Class::Sqlite, Class::CsvAppend, Class::Append])).to_vec()
        } else {
            listed
        };
        let mut hunted = Hunt { tried: 0, caught: None };
        for (kind, class) in hunts.iter().flat_map(|(kind, classes)| classes.iter().map(move |class| (*kind, *class))) {
            if hunted.caught.is_none() && args.classes.contains(&class) {
                hunt(yard, name, kind, class, seed, &mut hunted)?;
            }
        }
        match &hunted.caught {
            Some(how) => println!("  {name}: caught after {} ({how})", hunted.tried),
            None if hunted.tried == 0 => println!("  {name}: not looked for in these classes"),
            None => {
                println!("  {name}: NOT CAUGHT after {}", hunted.tried);
                all_caught = false;
            }
        }
    }
    let missing: Vec<_> = SHOWS.iter().map(|(name, ..)| *name).filter(|name| !in_code.contains(*name)).collect();
    if !missing.is_empty() {
        println!("  not in the code: {}", missing.join(", "));
    }
    println!("  {} seeded bugs", in_code.len());
    Ok(all_caught)
}

struct Hunt {
    /// How many kills and faults there were.
    tried: usize,
    caught: Option<String>,
}

impl Hunt {
    /// Counts a round with the bug. One that went wrong has caught it only if the same round goes well
    /// without it; a file that is left behind is not what the bugs are about.
    fn round(&mut self, what: &str, class: Class, outcome: &Outcome, without: impl FnOnce() -> Result<Outcome>) -> Result<bool> {
        self.tried += outcome.kills.len().max(1);
        if !outcome.is_right(class.promise()) && without()?.is_right(class.promise()) {
            self.caught = Some(format!("{what} {}: {}", class.name(), outcome.words()));
        }
        Ok(self.caught.is_some())
    }
}

fn hunt(yard: &Yard, name: &str, kind: Kind, class: Class, seed: u64, hunted: &mut Hunt) -> Result<()> {
    let records = if kind.is_exhaustive() { RECORDS } else { yard.freight.records };
    let mut sound = yard.small(records)?;
    if !kind.is_exhaustive() {
        sound.undisturbed(class)?;
    }
    let mut spoilt = sound.clone();
    spoilt.mutant = Some(name.to_owned());
    let what = kind.name();
    match kind {
        Kind::Syscall | Kind::Errno => {
            let faults: &[Fault] = if kind == Kind::Syscall { &[Fault::Kill] } else { &[Fault::Error(ENOSPC), Fault::Error(EIO)] };
            for fault in faults {
                for at in 0.. {
                    let Some(outcome) = spoil::place(&spoilt, class, *fault, at)? else { break };
                    if hunted.round(what, class, &outcome, || Ok(spoil::place(&sound, class, *fault, at)?.unwrap_or_default()))? {
                        return Ok(());
                    }
                }
            }
        }
        Kind::Power => {
            for luck in [Luck::Nothing, Luck::Names, Luck::Bytes, Luck::Die(seed)] {
                for at in 0.. {
                    let (outcome, was_the_end) = power::place(&spoilt, class, luck, at)?;
                    if hunted.round(what, class, &outcome, || Ok(power::place(&sound, class, luck, at)?.0))? {
                        return Ok(());
                    }
                    if was_the_end {
                        break;
                    }
                }
            }
        }
        _ => {
            for round in seed..seed + PATIENCE {
                let outcome = random_round(kind, &mut spoilt, class, round)?;
                if hunted.round(what, class, &outcome, || random_round(kind, &mut sound, class, round))? {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// The names of the switches in the code.
fn in_code(root: &Path) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    let mut folders = vec![root.join("etl-core/src"), root.join("etl-connectors/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                names.extend(switches(&fs::read_to_string(&path)?));
            }
        }
    }
    Ok(names)
}

fn switches(code: &str) -> impl Iterator<Item = String> {
    let calls = code.split("mutants::active(\"").skip(1);
    calls.filter_map(|rest| rest.split_once('"')).map(|(name, _)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_are_found_in_the_code() {
        let code = "if crate::mutants::active(\"a_b\") && !etl_core::mutants::active(\"c\") { mutants::active(name) }";
        assert_eq!(switches(code).collect::<Vec<_>>(), ["a_b", "c"]);
    }

    #[test]
    fn a_bug_is_listed_once() {
        let names: BTreeSet<_> = SHOWS.iter().map(|(name, ..)| name).collect();
        assert_eq!(names.len(), SHOWS.len());
    }
}
