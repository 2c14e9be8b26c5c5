//! A run is put to sleep past its lease; another one takes over; the sleeper wakes up and must not
//! write.

use std::time::Duration;

use crate::Result;
use crate::class::{Class, Pier, Place};
use crate::outcome::Outcome;
use crate::voyage::{PATIENCE, Voyage};
use crate::yard::Yard;

/// One round.
///
/// # Errors
/// The harness itself fails.
pub fn round(yard: &mut Yard, class: Class, seed: u64) -> Result<Outcome> {
    let mean = yard.undisturbed(class)?.took;
    let mut rng = fastrand::Rng::with_seed(seed);
    let pier = yard.pier(&format!("{}-zombie-{seed}", class.name()), class)?;
    let mut outcome = Outcome::default();
    let mut orders = yard.orders();
    // Both know of a short lease, and the second run keeps its state elsewhere, as on another machine:
    // the lock beside the checkpoint would keep it out.
    orders.set.push(("pipeline.lease".to_owned(), "1s".to_owned()));
    let mut sleeper = yard.ferry.start(&pier, &orders)?;
    std::thread::sleep(mean.mul_f64(rng.f64()));
    if !put_to_sleep(&mut sleeper, &pier)? {
        return round(yard, class, seed.wrapping_add(1));
    }
    outcome.kills.push(pier.place(yard.freight)?);
    std::thread::sleep(Duration::from_millis(1_500));
    orders.vary(&mut rng);
    orders.elsewhere = true;
    let landing = yard.ferry.start(&pier, &orders)?.wait(PATIENCE)?;
    outcome.recoveries.push(landing.took);
    // A sleeper that holds the lock of the database file keeps everybody out until it wakes up.
    let took_over = landing.code != Some(75);
    if took_over {
        yard.judge(&pier, &landing, &mut outcome)?;
    }
    sleeper.signal("CONT")?;
    let woken = sleeper.wait(PATIENCE)?;
    // One that had not begun yet, or had nothing left to commit, finds that all is done.
    let was_loading = outcome.kills.contains(&Place::Between);
    if took_over && woken.code != Some(75) && (was_loading || woken.code != Some(0)) {
        outcome.complaints.push(format!("the sleeper woke up and ended with {}", woken.complaint()));
    }
    if took_over {
        let after = yard.verdict(&pier, &mut outcome.complaints);
        if after != outcome.verdict {
            outcome.complaints.push(format!("the sleeper woke up and wrote: {after}"));
            outcome.verdict = after;
        }
    } else {
        let landing = yard.ferry.run(&pier, &orders)?;
        yard.judge(&pier, &landing, &mut outcome)?;
    }
    if outcome.is_good(class.promise()) {
        yard.clear(&pier.directory)?;
    }
    Ok(outcome)
}

/// Stops it between two transactions, because one that sleeps in a transaction of SQLite keeps the file
/// locked. Whether it still runs.
fn put_to_sleep(sleeper: &mut Voyage, pier: &Pier) -> Result<bool> {
    let journal = pier.output().with_extension("db-journal");
    for _ in 0..500 {
        if !sleeper.is_under_way()? {
            return Ok(false);
        }
        sleeper.signal("STOP")?;
        std::thread::sleep(Duration::from_millis(1));
        if !journal.exists() {
            break;
        }
        sleeper.signal("CONT")?;
        std::thread::sleep(Duration::from_micros(300));
    }
    Ok(true)
}
