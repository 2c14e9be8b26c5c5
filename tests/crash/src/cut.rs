//! The connection to the server is cut after so many bytes, of what the run says or of what the server
//! answers, also in the middle of the answer to a commit.

use crate::Result;
use crate::class::{Class, Place};
use crate::outcome::Outcome;
use crate::proxy::{Proxy, Trouble};
use crate::voyage::{Orders, PATIENCE};
use crate::yard::Yard;

/// The exit codes by which a run says that its target has gone.
const GONE: [i32; 2] = [75, 1];

/// One round.
///
/// # Errors
/// The harness itself fails.
pub fn round(yard: &mut Yard, class: Class, seed: u64) -> Result<Outcome> {
    disturb(yard, class, seed, "cut", |_, _| Trouble::Cut)
}

/// A run that nobody disturbs tells how much is said, and another one has its connection disturbed
/// somewhere; `prepare` says how, and may give it further orders.
///
/// # Errors
/// The harness itself fails.
pub(crate) fn disturb(
    yard: &mut Yard,
    class: Class,
    seed: u64,
    name: &str,
    prepare: impl FnOnce(&mut fastrand::Rng, &mut Orders) -> Trouble,
) -> Result<Outcome> {
    yard.undisturbed(class)?;
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut orders = yard.orders();
    orders.vary(&mut rng);
    let name = format!("{}-{name}-{seed}", class.name());
    let mut pier = yard.pier(&name, class)?;
    let proxy = Proxy::before(pier.on_server()?.server.socket_directory())?;
    let address = proxy.address(&pier.on_server()?.url);
    let reach = |pier: &mut crate::class::Pier| {
        if let Some(database) = &mut pier.database {
            database.address.clone_from(&address);
        }
    };
    reach(&mut pier);
    let rehearsal = yard.ferry.run(&pier, &orders)?;
    if rehearsal.code != Some(0) {
        return Err(format!("a run through the proxy ended with {}", rehearsal.complaint()).into());
    }
    let said = proxy.said();
    let (says, at) = said.somewhere(&mut rng);
    let mut pier = yard.pier(&name, class)?;
    reach(&mut pier);
    if rng.bool() {
        // Then what was committed, though nobody was told, is refused when it is loaded again.
        pier.on_server()?.refuse_doubles()?;
    }
    let mut disturbed = orders.clone();
    let trouble = prepare(&mut rng, &mut disturbed);
    proxy.disturb(says, at, trouble);
    let further = disturbed.set.iter().map(|(name, value)| format!(", {name}={value}")).collect::<String>();
    let mut outcome = Outcome { place: format!("{trouble:?} after byte {at} of what the {says:?} says{further}"), ..Outcome::default() };
    let landing = yard.ferry.start(&pier, &disturbed)?.wait(PATIENCE)?;
    if proxy.was_disturbed() {
        // The run may have gone on since: what it had committed is told by the rehearsal.
        outcome.kills.push(said.place(says, at));
    }
    // A run with several connections may say less than the rehearsal did: the next one is not meant.
    proxy.leave_alone();
    match landing.code {
        // It has tried again.
        Some(0) => yard.judge(&pier, &landing, &mut outcome)?,
        // The loader tries again, and nothing is in its way: only before it is at work, and after, there
        // is nobody who does.
        Some(code) if GONE.contains(&code) && !outcome.kills.contains(&Place::Between) => {}
        _ => outcome.complaints.push(format!("the run that was disturbed ended with {}", landing.complaint())),
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
