//! Somebody reads the target while it is loaded, and must never see half of a batch.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::Result;
use crate::class::{Class, Pier};
use crate::oracle::{Found, Verdict};
use crate::outcome::Outcome;
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
    // A parcel is committed whole: what a batch holds is a multiple of no number, but its parcels are.
    orders.batch = orders.batch.max(orders.parcel);
    let pier = yard.pier(&format!("{}-reader-{seed}", class.name()), class)?;
    let mut outcome = Outcome::default();
    let mut voyage = yard.ferry.start(&pier, &orders)?;
    while voyage.is_under_way()? {
        if let Some(complaint) = look(yard, &pier, orders.parcel)? {
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

/// What is wrong with what can be seen now.
fn look(yard: &Yard, pier: &Pier, parcel: u32) -> Result<Option<String>> {
    let rows = if pier.class.appears_whole() {
        if !pier.output().exists() {
            return Ok(None);
        }
        // A published file is complete.
        match pier.rows() {
            Ok(rows) => rows,
            Err(error) => return Ok(Some(format!("a published file cannot be read: {error}"))),
        }
    } else if matches!(pier.class, Class::Sqlite) {
        match pier.rows() {
            Ok(rows) => rows,
            Err(_busy) => return Ok(None),
        }
    } else {
        // Nothing is promised of half a batch where there is no transaction.
        return Ok(None);
    };
    let seen: BTreeSet<u64> = rows.iter().map(|row| row.id).collect();
    let verdict = Verdict::of(yard.freight, &Found { rows, letters: Vec::new() });
    if pier.class.appears_whole() && !verdict.lost.is_empty() {
        return Ok(Some(format!("a reader saw a published file that is not complete: {verdict}")));
    }
    if !verdict.foreign.is_empty() || verdict.doubles() > 0 {
        return Ok(Some(format!("a reader saw what is not ours: {verdict}")));
    }
    // Of each parcel all records or none. The last may still be growing in the source's buffer.
    let parcel = u64::from(parcel);
    let half = verdict.lost.iter().find(|id| {
        let start = **id / parcel * parcel;
        seen.range(start..start + parcel).next().is_some()
    });
    Ok(half.filter(|_| yard.resumes).map(|id| format!("a reader saw half of a batch: record {id} was missing, and its neighbours were there")))
}
