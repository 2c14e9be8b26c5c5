//! `SIGKILL` at random times, until the run is done.

use std::time::Duration;

use crate::Result;
use crate::class::{Class, Place};
use crate::outcome::Outcome;
use crate::voyage::{Orders, PATIENCE};
use crate::yard::Yard;

/// One round: kills, restarts with another batch and another number of workers, and the end.
///
/// # Errors
/// The harness itself fails.
pub fn round(yard: &mut Yard, class: Class, seed: u64) -> Result<Outcome> {
    let mean = yard.undisturbed(class)?.took;
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut orders = yard.orders();
    loop {
        let pier = yard.pier(&format!("{}-kill-{seed}", class.name()), class)?;
        let mut outcome = Outcome::default();
        let mut ended = None;
        // One kill always, a second one often while the run recovers, sometimes a third.
        let kills = [1, 2, 2, 3][rng.usize(..4)];
        for kill in 0..kills {
            orders.vary(&mut rng);
            // What a restart still has to do takes less time, and recovery is at its beginning.
            let longest = mean.mul_f64(if kill == 0 { 1.2 } else { [0.2, 0.8][rng.usize(..2)] });
            let time = longest.mul_f64(rng.f64());
            match yard.ferry.start(&pier, &orders)?.kill_after(time)? {
                None => {
                    outcome.kills.push(pier.place(yard.freight)?);
                    outcome.window += orders.window();
                }
                Some(landing) => {
                    ended = Some(landing);
                    break;
                }
            }
        }
        if outcome.kills.is_empty() {
            continue; // It was faster than the kill: no round.
        }
        let landing = match ended {
            Some(landing) => landing,
            None => {
                orders.vary(&mut rng);
                yard.ferry.start(&pier, &orders)?.wait(PATIENCE)?
            }
        };
        outcome.recoveries.push(landing.took);
        yard.judge(&pier, &landing, &mut outcome)?;
        if yard.resumes {
            finds_nothing_to_do(yard, &pier, &mut orders, &mut rng, &mut outcome)?;
        }
        if outcome.is_good(class.promise()) {
            yard.clear(&pier.directory)?;
        }
        return Ok(outcome);
    }
}

/// A run after the end loads nothing, and is done.
fn finds_nothing_to_do(
    yard: &Yard,
    pier: &crate::class::Pier,
    orders: &mut Orders,
    rng: &mut fastrand::Rng,
    outcome: &mut Outcome,
) -> Result<()> {
    orders.vary(rng);
    let landing = yard.ferry.run(pier, orders)?;
    if landing.code != Some(0) {
        outcome.complaints.push(format!("a run after the end ended with {}", landing.complaint()));
    }
    let again = yard.verdict(pier, &mut outcome.complaints);
    if again != outcome.verdict {
        outcome.complaints.push(format!("a run after the end changed the target: {again}"));
        outcome.verdict = again;
    }
    Ok(())
}

/// How many of the kills fell where.
#[must_use]
pub fn fell(kills: &[Place]) -> [usize; 3] {
    [Place::Before, Place::Between, Place::After].map(|place| kills.iter().filter(|kill| **kill == place).count())
}

/// The time within which `percent` of the values lie.
#[must_use]
pub fn percentile(values: &[Duration], percent: usize) -> Option<Duration> {
    let mut sorted = values.to_vec();
    sorted.sort();
    sorted.get((sorted.len() * percent / 100).min(sorted.len().checked_sub(1)?)).copied()
}
