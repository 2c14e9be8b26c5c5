//! What of the source a parcel holds: made where it is decoded, without the records that an earlier
//! run has done.

use std::ops::Range;

use super::parcel::DecodedRecords;
use crate::contract::position::Cursor;
use crate::contract::source::{Malformed, Origin};
use crate::delivery::intervals::Intervals;
use crate::delivery::tracker::Coverage;

/// Leaves out of a chunk of `count` records what is `done`, and says what is left to do of it. `cut`
/// says that the source's chunk goes on behind them.
///
/// `None` where nothing is left.
pub(super) fn cover(
    records: &mut DecodedRecords,
    malformed: &mut Vec<Malformed>,
    count: usize,
    cut: bool,
    done: &Intervals,
) -> Option<Box<Coverage>> {
    if count == 0 {
        return None;
    }
    let origin = records.origin.as_ref();
    let first = origin.position(0).ordinal;
    let end = if cut { cursor(origin, count as u32) } else { origin.end(count as u32) };
    let whole = first..first + count as u64;
    let ranges = if first >= done.reached() { vec![whole] } else { done.missing(whole.clone()) };
    let left: u64 = ranges.iter().map(|range| range.end - range.start).sum();
    if left < count as u64 {
        let kept: Vec<Range<u32>> = ranges.iter().map(|range| (range.start - first) as u32..(range.end - first) as u32).collect();
        let is_kept = |index: u32| kept.iter().any(|range| range.contains(&index));
        records.retain(&is_kept);
        malformed.retain(|malformed| is_kept(malformed.index));
    }
    // A cursor says nothing where what it stands behind was left out.
    let end = match ranges.last() {
        None => return None,
        Some(last) if last.end == end.ordinal => end,
        Some(last) => Cursor::record(last.end),
    };
    Some(Box::new(Coverage { ranges, end, ..Coverage::default() }))
}

/// Where record `index` of a chunk starts.
fn cursor(origin: &dyn Origin, index: u32) -> Cursor {
    let position = origin.position(index);
    Cursor { ordinal: position.ordinal, byte: position.byte, line: position.line }
}
