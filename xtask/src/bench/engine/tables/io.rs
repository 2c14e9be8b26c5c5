//! Work that waits.

use super::micro;
use crate::bench::contest::{Bar, Measure, Table};
use crate::bench::engine::Part;

/// For each call that may be under way. The last slow call is waited for with nothing beside it, which should be as small a part
/// of a run of many calls at a time as of one of few.
const RECORDS: u64 = 320;
const BUFFERED: &str = "`buffered`";
const OURS: &str = "**ours**, order kept";
const OURS_SKEWED: &str = "**ours**, order kept, skewed";

pub(super) fn tables() -> Vec<Table> {
    vec![table(64), table(256)]
}

fn table(concurrency: u64) -> Table {
    let records = RECORDS * concurrency;
    let row = |name, contestant: &str| micro(name, Part::Io, contestant, records).with("concurrency", concurrency);
    Table {
        title: format!("Work that waits, {concurrency} calls at a time"),
        about: format!("{records} records await 5 ms each. *Skewed*: one call in twenty takes 50 ms, the others 5 ms."),
        rows: vec![
            row(BUFFERED, "buffered"),
            row(OURS, "ours"),
            row("`buffer_unordered`, order lost", "buffer-unordered"),
            row(OURS_SKEWED, "ours").with("skewed", 1),
            row("`buffer_unordered`, order lost, skewed", "buffer-unordered").with("skewed", 1),
            row("`buffered`, skewed", "buffered").with("skewed", 1),
        ],
        baseline: Some(BUFFERED),
        ours: None,
        bars: vec![
            Bar { what: format!("io at {concurrency}: ours / buffered"), measure: Measure::Time { of: OURS, to: BUFFERED, limit: 1.05 } },
            Bar {
                what: format!("io at {concurrency}: ours with skewed latencies / ours with even ones"),
                measure: Measure::Time { of: OURS_SKEWED, to: OURS, limit: 1.5 },
            },
        ],
        runs_per_round: 1,
    }
}
