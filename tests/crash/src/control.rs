//! The control: seeded bugs, each of which must be caught. A harness that finds nothing proves nothing
//! until it has found these.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Instant;

use crate::Result;
use crate::args::Args;
use crate::class::Class;
use crate::kinds::Kind;
use crate::outcome::Outcome;
use crate::yard::Yard;
use crate::{kill, power, reader, spoil, zombie};

/// Where a seeded bug shows: what is done to which class. One that is not listed is looked for by
/// kills of every class.
const SHOWS: [(&str, Kind, &[Class]); 18] = [
    ("checkpoint_before_load", Kind::Syscall, &[Class::Upsert, Class::Append]),
    ("checkpoint_without_fsync", Kind::Power, &[Class::Upsert, Class::CsvFile]),
    ("checkpoint_without_directory_fsync", Kind::Power, &[Class::Upsert, Class::CsvFile]),
    ("commit_assumed", Kind::Errno, &[Class::Sqlite]),
    ("commit_before_dead_letters", Kind::Syscall, &[Class::Sqlite]),
    ("coverage_of_half_batch", Kind::Kill, &[Class::Sqlite, Class::Jsonl]),
    ("dead_letters_without_dedup", Kind::Kill, &[Class::Sqlite, Class::CsvFile]),
    ("dead_letters_without_sync", Kind::Power, &[Class::Sqlite, Class::CsvFile]),
    ("epoch_unchecked", Kind::Zombie, &[Class::Sqlite]),
    ("file_without_directory_fsync", Kind::Power, &[Class::CsvFile, Class::Dataset]),
    ("file_without_fsync", Kind::Power, &[Class::CsvFile, Class::Dataset]),
    ("high_water_mark", Kind::Kill, &[Class::Sqlite, Class::Jsonl]),
    ("ledger_outside_transaction", Kind::Syscall, &[Class::Sqlite]),
    ("manifest_before_parts", Kind::Power, &[Class::Dataset]),
    ("mark_before_data", Kind::Power, &[Class::CsvFile, Class::CsvAppend]),
    ("no_ledger", Kind::Kill, &[Class::Sqlite]),
    ("resume_without_truncate", Kind::Kill, &[Class::CsvAppend, Class::CsvFile]),
    ("skip_final_flush", Kind::Kill, &[Class::Sqlite, Class::CsvFile]),
];

/// How many rounds of random kills a bug may survive.
const PATIENCE: u64 = 40;

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
        let listed: Vec<_> =
            SHOWS.iter().filter(|(listed, ..)| listed == name).map(|(_, kind, classes)| (*kind, classes.to_vec())).collect();
        let hunts = if listed.is_empty() {
            [Kind::Kill, Kind::Syscall, Kind::Power].map(|kind| (kind, Class::ALL.to_vec())).to_vec()
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

fn hunt(yard: &Yard, name: &str, kind: Kind, class: Class, seed: u64, hunted: &mut Hunt) -> Result<()> {
    let mut yard = yard.small(yard.freight.records)?;
    yard.undisturbed(class)?;
    yard.mutant = Some(name.to_owned());
    let caught = Cell::new(false);
    let mut note = |_seed: u64, outcome: &Outcome| {
        hunted.tried += outcome.kills.len().max(1);
        if !outcome.is_good(class.promise()) && !caught.replace(true) {
            hunted.caught = Some(format!("{} {}: {}", kind.name(), class.name(), outcome.words()));
        }
        Ok(())
    };
    let goes_on = || !caught.get();
    match kind {
        Kind::Syscall => spoil::kills(&mut yard, class, goes_on, &mut note),
        Kind::Errno => spoil::errors(&mut yard, class, goes_on, &mut note),
        Kind::Power => power::failures(&mut yard, class, seed, 3, goes_on, &mut note),
        _ => {
            for round in (seed..seed + PATIENCE).take_while(|_| goes_on()) {
                let outcome = match kind {
                    Kind::Reader => reader::round(&mut yard, class, round)?,
                    Kind::Zombie => zombie::round(&mut yard, class, round)?,
                    _ => kill::round(&mut yard, class, round)?,
                };
                note(round, &outcome)?;
            }
            Ok(())
        }
    }
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
