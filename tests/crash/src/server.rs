//! The server is killed while a run loads, and comes back.

use crate::Result;
use crate::class::Class;
use crate::outcome::Outcome;
use crate::voyage::PATIENCE;
use crate::yard::Yard;

/// The exit codes by which a run says that its target has gone.
const GONE: [i32; 2] = [75, 1];

/// One round.
///
/// # Errors
/// The harness itself fails.
pub fn round(yard: &mut Yard, class: Class, seed: u64) -> Result<Outcome> {
    let mean = yard.undisturbed(class)?.took;
    let mut rng = fastrand::Rng::with_seed(seed);
    let pier = yard.pier(&format!("{}-server-{seed}", class.name()), class)?;
    let server = &pier.on_server()?.server;
    let mut outcome = Outcome::default();
    let mut orders = yard.orders();
    orders.vary(&mut rng);
    let voyage = yard.ferry.start(&pier, &orders)?;
    std::thread::sleep(mean.mul_f64(rng.f64()));
    server.crash()?;
    // It comes back while the run still tries, or when that has given up.
    let at_once = rng.bool();
    let landing = if at_once {
        server.resume()?;
        outcome.kills.push(pier.place(yard.freight)?);
        voyage.wait(PATIENCE)?
    } else {
        let landing = voyage.wait(PATIENCE);
        server.resume()?;
        outcome.kills.push(pier.place(yard.freight)?);
        landing?
    };
    match landing.code {
        Some(0) => {
            yard.judge(&pier, &landing, &mut outcome)?;
        }
        Some(code) if GONE.contains(&code) => {}
        _ => outcome.complaints.push(format!("without its server the run ended with {}", landing.complaint())),
    }
    orders.vary(&mut rng);
    let landing = yard.ferry.run(&pier, &orders)?;
    outcome.recoveries.push(landing.took);
    yard.judge(&pier, &landing, &mut outcome)?;
    if outcome.is_good(class.promise()) {
        yard.clear(&pier.directory)?;
    }
    Ok(outcome)
}
