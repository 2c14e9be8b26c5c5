//! A run is put to sleep past its lease; another one takes over; the sleeper wakes up and must not
//! write.

use std::time::Duration;

use crate::Result;
use crate::class::Class;
use crate::outcome::Outcome;
use crate::voyage::PATIENCE;
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
    if !sleeper.is_under_way()? {
        return round(yard, class, seed.wrapping_add(1));
    }
    sleeper.signal("STOP")?;
    outcome.kills.push(pier.place(yard.freight)?);
    std::thread::sleep(Duration::from_millis(1_500));
    orders.vary(&mut rng);
    orders.elsewhere = true;
    let landing = yard.ferry.start(&pier, &orders)?.wait(PATIENCE)?;
    outcome.recoveries.push(landing.took);
    yard.judge(&pier, &landing, &mut outcome)?;
    sleeper.signal("CONT")?;
    let woken = sleeper.wait(PATIENCE)?;
    if woken.code != Some(75) {
        outcome.complaints.push(format!("the sleeper woke up and ended with {}", woken.complaint()));
    }
    let after = yard.verdict(&pier, &mut outcome.complaints);
    if after != outcome.verdict {
        outcome.complaints.push(format!("the sleeper woke up and wrote: {after}"));
        outcome.verdict = after;
    }
    if outcome.is_good(class.promise()) {
        yard.clear(&pier.directory)?;
    }
    Ok(outcome)
}
