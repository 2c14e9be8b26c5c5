//! The connection to the server, or the loader's own function, does nothing for longer than the loader
//! may take: the attempt is given up in the middle of its transaction, and made again.

use std::time::Duration;

use crate::Result;
use crate::class::Class;
use crate::cut::disturb;
use crate::outcome::Outcome;
use crate::proxy::Trouble;
use crate::yard::Yard;

/// How long an attempt may take.
const TIMEOUT: &str = "200ms";

/// For one attempt that stalls, and those that take too long because the machine is busy.
const RETRIES: &str = "8";

/// How long nothing goes through: longer than an attempt may take.
const STALL: std::ops::Range<u64> = 250..500;

/// One round.
///
/// # Errors
/// The harness itself fails.
pub fn round(yard: &mut Yard, class: Class, seed: u64) -> Result<Outcome> {
    let records = yard.freight.records;
    disturb(yard, class, seed, "stall", |rng, orders| {
        let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        orders.set.extend([set("load.timeout", TIMEOUT), set("load.retries", RETRIES)]);
        if rng.u8(..3) == 0 {
            // Its session lives on, with the records of the batch in an open transaction.
            orders.set.push(set("hesitate", &rng.u64(..records).to_string()));
        }
        Trouble::Stall { time: Duration::from_millis(rng.u64(STALL)), goes_on: rng.bool() }
    })
}
