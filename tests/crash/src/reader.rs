//! Somebody reads the target while it is loaded, and must never see half of a batch.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::Result;
use crate::class::{Class, Pier};
use crate::freight::Fate;
use crate::oracle::{Found, Verdict};
use crate::outcome::Outcome;
use crate::sink;
use crate::yard::Yard;

/// One round: a run that nobody kills, and as many looks at it as there is time for.
///
/// # Errors
/// The harness itself fails.
pub fn round(yard: &mut Yard, class: Class, seed: u64) -> Result<Outcome> {
    yard.undisturbed(class)?;
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut orders = yard.orders();
    orders.vary(&mut rng);
    let pier = yard.pier(&format!("{}-reader-{seed}", class.name()), class)?;
    let mut outcome = Outcome::default();
    let mut voyage = yard.ferry.start(&pier, &orders)?;
    while voyage.is_under_way()? {
        if let Some(complaint) = look(yard, &pier) {
            outcome.complaints.push(complaint);
            break;
        }
        std::thread::sleep(Duration::from_micros(rng.u64(..4_000)));
    }
    let landing = voyage.wait(crate::voyage::PATIENCE)?;
    yard.judge(&pier, &landing, &mut outcome)?;
    if outcome.is_good(class.promise()) {
        yard.clear(&pier.directory)?;
    }
    Ok(outcome)
}

/// What is wrong with what can be seen now; also of a run that was killed, before the next one mends it.
pub(crate) fn look(yard: &Yard, pier: &Pier) -> Option<String> {
    let verdict = |rows| Verdict::of(yard.freight, &Found { rows, letters: Vec::new() });
    if pier.class.appears_whole() {
        // A file that is there is complete.
        if !pier.output().exists() {
            return None;
        }
        return match pier.rows() {
            Ok(rows) => Some(verdict(rows))
                .filter(|verdict| !verdict.lost.is_empty())
                .map(|verdict| format!("a reader saw half of a file: {verdict}")),
            Err(error) => Some(format!("a reader saw a file that cannot be read: {error}")),
        };
    }
    if pier.class == Class::Dataset {
        // What a manifest lists is there, whole.
        let listed = sink::manifest(&pier.output())?["generation"].clone();
        let seen = pier.rows().map(verdict);
        return match seen {
            Ok(verdict) if verdict.foreign.is_empty() && verdict.doubles() == 0 => None,
            Ok(verdict) => Some(format!("a reader of manifest {listed} saw what should not be there: {verdict}")),
            Err(error) => Some(format!("a reader of manifest {listed} saw parts that cannot be read: {error}")),
        };
    }
    if !matches!(pier.class, Class::Sqlite | Class::Postgres) {
        // Nothing is promised of a moment where there is no transaction.
        return None;
    }
    // The ledger was written in the transactions of the rows: at every moment they say the same.
    let (rows, ranges) = match &pier.database {
        Some(database) => database.snapshot()?,
        None => sink::sqlite_snapshot(&pier.output())?,
    };
    let verdict = verdict(rows);
    if !verdict.foreign.is_empty() || verdict.doubles() > 0 {
        return Some(format!("a reader saw what should not be there: {verdict}"));
    }
    let recorded: BTreeSet<u64> = ranges.into_iter().flatten().collect();
    let half = verdict.lost.iter().find(|id| recorded.contains(id));
    let lost = BTreeSet::from_iter(&verdict.lost);
    let ahead = (0..yard.freight.records).find(|id| Fate::of(*id) == Fate::Loaded && !lost.contains(id) && !recorded.contains(id));
    half.map(|id| format!("a reader saw half of a batch: the ledger has record {id}, the table has not"))
        .or_else(|| ahead.map(|id| format!("a reader saw half of a batch: the table has record {id}, the ledger has not")))
}
