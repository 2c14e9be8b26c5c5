//! A small run is killed before every call that changes something, and once more each of these
//! calls fails.

use crate::Result;
use crate::class::{Class, Pier};
use crate::outcome::Outcome;
use crate::reader;
use crate::tracer::{self, EIO, ENOSPC, Fault, Traced};
use crate::voyage::{Orders, PATIENCE};
use crate::yard::Yard;

/// How many records a small run loads, and in how large batches: a dozen commits.
pub const RECORDS: u64 = 360;
/// See [`RECORDS`].
pub const BATCH: u32 = 30;

/// The exit codes by which a run says that its disk failed: storage, and what a source or a target
/// makes of it.
const TYPED: [i32; 4] = [74, 75, 78, 1];

/// Takes the outcome of each place.
pub type Note<'a> = &'a mut dyn FnMut(u64, &Outcome) -> Result<()>;

/// A kill before every call; with `sample` in an order that this seed decides, for as long as it goes on.
///
/// # Errors
/// The harness itself fails.
pub fn kills(yard: &mut Yard, class: Class, sample: Option<u64>, goes_on: impl Fn() -> bool, note: Note<'_>) -> Result<()> {
    each_place(yard, class, Fault::Kill, sample, goes_on, note)
}

/// A failure of every call: first for want of space, then of the device. See [`kills`] for `sample`.
///
/// # Errors
/// The harness itself fails.
pub fn errors(yard: &mut Yard, class: Class, sample: Option<u64>, goes_on: impl Fn() -> bool, note: Note<'_>) -> Result<()> {
    if let Some(seed) = sample {
        let fault = Fault::Error(if seed.is_multiple_of(2) { ENOSPC } else { EIO });
        return each_place(yard, class, fault, sample, goes_on, note);
    }
    each_place(yard, class, Fault::Error(ENOSPC), None, &goes_on, note)?;
    each_place(yard, class, Fault::Error(EIO), None, goes_on, note)
}

fn each_place(yard: &mut Yard, class: Class, fault: Fault, sample: Option<u64>, goes_on: impl Fn() -> bool, note: Note<'_>) -> Result<()> {
    let yard = yard.small(RECORDS)?;
    if let Some(seed) = sample {
        for at in shuffled(&yard, class, seed)? {
            if !goes_on() {
                break;
            }
            if let Some(outcome) = place(&yard, class, fault, at)? {
                note(at as u64, &outcome)?;
            }
        }
        return Ok(());
    }
    // Runs differ a little in how many calls they make: until none is left to spoil.
    for at in 0.. {
        if !goes_on() {
            break;
        }
        let Some(outcome) = place(&yard, class, fault, at)? else { break };
        note(at as u64, &outcome)?;
    }
    Ok(())
}

/// All places in an order that the seed decides: of a sweep that does not come to its end, every part
/// of the run has its share.
///
/// # Errors
/// A run cannot be traced.
pub fn shuffled(yard: &Yard, class: Class, seed: u64) -> Result<Vec<usize>> {
    let mut places: Vec<_> = (0..traced(yard, &pier(yard, class)?, None)?.places).collect();
    fastrand::Rng::with_seed(seed).shuffle(&mut places);
    Ok(places)
}

/// One place: call number `at` of a small run. `None` where the run makes fewer.
///
/// # Errors
/// The harness itself fails.
pub fn place(yard: &Yard, class: Class, fault: Fault, at: usize) -> Result<Option<Outcome>> {
    let pier = pier(yard, class)?;
    let spoilt = traced(yard, &pier, Some((at, fault)))?;
    let Some(change) = &spoilt.spoilt else { return Ok(None) };
    let mut outcome = Outcome::default();
    outcome.kills.push(pier.place(yard.freight)?);
    outcome.complaints.extend(reader::look(yard, &pier));
    match (fault, spoilt.code) {
        (Fault::Kill, _) => {}
        (Fault::Error(_), Some(0)) => has_ended_well(yard, &pier, &mut outcome),
        (Fault::Error(_), Some(code)) if TYPED.contains(&code) => {}
        (Fault::Error(error), code) => outcome.complaints.push(format!("error {error} ended the run with {code:?}")),
    }
    recovers(yard, &pier, &mut outcome)?;
    outcome.place = format!("at call {at} ({})", change.words(&pier.directory));
    Ok(Some(outcome))
}

/// A run that says that it is done, though a call or the power failed, has done everything.
pub(crate) fn has_ended_well(yard: &Yard, pier: &Pier, outcome: &mut Outcome) {
    let verdict = yard.verdict(pier, &mut outcome.complaints);
    if !verdict.is_exact() {
        outcome.complaints.push(format!("the run said that it was done, and was not: {verdict}"));
    }
}

/// The run after it comes to the end, and everything is there.
///
/// # Errors
/// The harness itself fails.
pub fn recovers(yard: &Yard, pier: &Pier, outcome: &mut Outcome) -> Result<()> {
    let orders = Orders { batch: BATCH + 15, parcel: 25, ..yard.orders() };
    let landing = yard.ferry.run(pier, &orders)?;
    outcome.recoveries.push(landing.took);
    outcome.window = orders.window();
    yard.judge(pier, &landing, outcome)
}

/// The directory of a place: the same name each time, so that every run does the same.
fn pier(yard: &Yard, class: Class) -> Result<Pier> {
    yard.pier(&format!("{}-place", class.name()), class)
}

/// A small run under the tracer.
///
/// # Errors
/// It cannot be traced.
pub fn traced(yard: &Yard, pier: &Pier, fault: Option<(usize, Fault)>) -> Result<Traced> {
    let orders = Orders { batch: BATCH, parcel: 20, threads: 1, ..yard.orders() };
    tracer::run(&yard.ferry.command(pier, &orders), &pier.directory, fault, PATIENCE)
}
