//! What of the source a parcel holds: made where it is decoded, without the records that an earlier
//! run has done, and in a replay without those that are not chosen.

use std::ops::Range;

use super::parcel::DecodedRecords;
use super::shared::Followed;
use crate::contract::error::{Error, ErrorKind, Result};
use crate::contract::position::Cursor;
use crate::contract::source::{Malformed, Origin};
use crate::delivery::intervals::Intervals;
use crate::delivery::selection::Selection;
use crate::delivery::tracker::Coverage;

/// Leaves out of a chunk of `count` records what is not to be done, and says what is left to do of it.
/// `cut` says that the source's chunk goes on behind them. `None` where nothing is left.
///
/// # Errors
/// In a replay: a record is not the one that was rejected.
pub(super) fn cover(
    records: &mut DecodedRecords,
    malformed: &mut Vec<Malformed>,
    count: usize,
    cut: bool,
    followed: &Followed,
) -> Result<Option<Box<Coverage>>> {
    if count == 0 {
        return Ok(None);
    }
    let origin = records.origin.as_ref();
    let first = origin.position(0).ordinal;
    let end = if cut { cursor(origin, count as u32) } else { origin.end(count as u32) };
    let whole = first..first + count as u64;
    let ranges = match &followed.only {
        Some(only) => chosen(only, origin, whole, &followed.done)?,
        None if first >= followed.done.reached() => vec![whole],
        None => followed.done.missing(whole),
    };
    let left: u64 = ranges.iter().map(|range| range.end - range.start).sum();
    if left < count as u64 {
        let kept: Vec<Range<u32>> = ranges.iter().map(|range| (range.start - first) as u32..(range.end - first) as u32).collect();
        let is_kept = |index: u32| kept.iter().any(|range| range.contains(&index));
        records.retain(&is_kept);
        malformed.retain(|malformed| is_kept(malformed.index));
    }
    // A cursor says nothing where what it stands behind was left out.
    let end = match ranges.last() {
        None => return Ok(None),
        Some(last) if last.end == end.ordinal => end,
        Some(last) => Cursor::record(last.end),
    };
    Ok(Some(Box::new(Coverage { ranges, end, ..Coverage::default() })))
}

/// The records of a selection that lie in `whole` and are not done, each looked at whether it is the one
/// that was rejected.
fn chosen(only: &Selection, origin: &dyn Origin, whole: Range<u64>, done: &Intervals) -> Result<Vec<Range<u64>>> {
    let mut ranges: Vec<Range<u64>> = Vec::new();
    for ordinal in only.ordinals(whole.clone()).filter(|ordinal| !done.contains(*ordinal)) {
        let index = (ordinal - whole.start) as u32;
        let position = origin.position(index);
        if *position.partition != *only.partition() {
            return Err(Error::new(
                ErrorKind::Config,
                format!("the dead letters are of {}, and the source is {}", only.partition(), position.partition),
            )
            .hint("name the source as it was named when they were rejected"));
        }
        only.verify(&position, origin.payload(index).as_deref())?;
        match ranges.last_mut() {
            Some(last) if last.end == ordinal => last.end += 1,
            _ => ranges.push(ordinal..ordinal + 1),
        }
    }
    Ok(ranges)
}

/// Where record `index` of a chunk starts.
fn cursor(origin: &dyn Origin, index: u32) -> Cursor {
    let position = origin.position(index);
    Cursor { ordinal: position.ordinal, byte: position.byte, line: position.line }
}
