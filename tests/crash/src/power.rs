//! The power fails: after every call of a small run the directory is made what a disk may hold, and
//! the next run goes on from there.

use crate::Result;
use crate::class::Class;
use crate::disk::{Disk, Luck};
use crate::outcome::Outcome;
use crate::reader;
use crate::spoil::{self, Note, RECORDS};
use crate::tracer::Fault;
use crate::yard::Yard;

/// How many mixtures of what is lost and kept are tried at each place.
const DICE: u64 = 2;

/// Every place, each with all that was not synced lost, with only names or only bytes of it kept, and
/// with a few mixtures. `sampled`: see [`spoil::kills`].
///
/// # Errors
/// The harness itself fails.
pub fn failures(yard: &mut Yard, class: Class, seed: u64, sampled: bool, goes_on: impl Fn() -> bool, note: Note<'_>) -> Result<()> {
    let yard = yard.small(RECORDS)?;
    // A line that the disk tears is the affair of the function that appends it.
    let dice = if class == Class::Append { 0 } else { DICE };
    let lucks = [Luck::Nothing, Luck::Names, Luck::Bytes].into_iter().chain((0..dice).map(|die| Luck::Die(seed + die)));
    if sampled {
        // Each place with another luck.
        for (at, luck) in spoil::shuffled(&yard, class, seed)?.into_iter().zip(lucks.cycle()) {
            if !goes_on() {
                break;
            }
            note(if let Luck::Die(seed) = luck { seed } else { 0 }, &place(&yard, class, luck, at)?.0)?;
        }
        return Ok(());
    }
    for luck in lucks {
        for at in 0.. {
            if !goes_on() {
                return Ok(());
            }
            let (outcome, was_the_end) = place(&yard, class, luck, at)?;
            note(if let Luck::Die(seed) = luck { seed } else { 0 }, &outcome)?;
            if was_the_end {
                break;
            }
        }
    }
    Ok(())
}

/// One place: the power fails before call number `at` of a small run, or after the end of one that
/// makes fewer. Whether it was the end.
///
/// # Errors
/// The harness itself fails.
pub fn place(yard: &Yard, class: Class, luck: Luck, at: usize) -> Result<(Outcome, bool)> {
    let pier = yard.pier(&format!("{}-power", class.name()), class)?;
    let mut disk = Disk::of(&pier.directory)?;
    let run = spoil::traced(yard, &pier, Some((at, Fault::Kill)))?;
    disk.follow(&run.calls)?;
    let mut outcome = Outcome::default();
    outcome.kills.push(pier.place(yard.freight)?);
    disk.put(&pier.directory, &disk.after_power_failure(luck))?;
    outcome.complaints.extend(reader::look(yard, &pier));
    let was_the_end = run.spoilt.is_none();
    if was_the_end {
        // No run may ever come that would load again what is lost now.
        spoil::has_ended_well(yard, &pier, &mut outcome);
    }
    spoil::recovers(yard, &pier, &mut outcome)?;
    if was_the_end {
        // What a run that ended well has said is true for good.
        outcome.window = 0;
    }
    let place = run.spoilt.as_ref().map_or_else(|| "the end".to_owned(), |change| change.words(&pier.directory));
    outcome.place = format!("power failed before call {at} ({place}), {luck:?}");
    Ok((outcome, was_the_end))
}
