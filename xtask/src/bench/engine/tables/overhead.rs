//! What the engine itself costs.

use super::micro;
use crate::bench::contest::{Bar, Measure, Table};
use crate::bench::engine::Part;

const RECORDS: u64 = 50_000_000;
const LOOP: &str = "loop, one batch used again";
const PASSES: &str = "a pass per stage, in place";
const BOXED_STAGES: &str = "boxed stages, batches";
const BOXED_ITERATORS: &str = "boxed iterators, records";
const STREAM_ITEM: &str = "futures stream of records, fused";
const STREAM_ITEM_BOXED: &str = "futures stream of records, boxed";
const STREAM_BATCH: &str = "futures stream of batches, boxed";
const CHANNEL_ITEM: &str = "tokio channels, records";
const CHANNEL_BATCH: &str = "tokio channels, batches";
const CHANNEL_ONE: &str = "tokio channels, batches, one thread";
const RAYON: &str = "rayon over batches, all cores";
const RENOIR: &str = "renoir, parallel source, all cores";
const SPATE: &str = "spate";
const OURS: &str = "**ours**";
const OURS_ITERATOR: &str = "ours, source is an iterator";

pub(super) fn tables() -> Vec<Table> {
    vec![table(500, 1.5), table(4_096, 1.2)]
}

fn table(batch: u64, limit: f64) -> Table {
    let row = |name, contestant: &str, scale: u64| micro(name, Part::Overhead, contestant, RECORDS / scale).with("batch", batch);
    let mut rows = vec![
        row(LOOP, "loop", 1),
        row(OURS, "ours", 1),
        row(OURS_ITERATOR, "ours-iterator", 1),
        row(PASSES, "passes", 1),
        row(BOXED_STAGES, "boxed-stages", 1),
        row(STREAM_BATCH, "streams-batch", 1),
        row(CHANNEL_ONE, "channels-batch-one-thread", 1),
        row(CHANNEL_BATCH, "channels-batch", 1),
        row(RAYON, "rayon", 1),
        row(RENOIR, "renoir", 1),
        row(SPATE, "spate", 10),
    ];
    let mut handing_over = vec![BOXED_STAGES, STREAM_BATCH, CHANNEL_ONE, CHANNEL_BATCH, SPATE];
    if batch == 500 {
        // These have no batches.
        rows.extend([
            row(BOXED_ITERATORS, "boxed-iterators", 1),
            row(STREAM_ITEM, "streams-item", 1),
            row(STREAM_ITEM_BOXED, "streams-item-boxed", 1),
            row(CHANNEL_ITEM, "channels-item", 10),
        ]);
        handing_over.extend([BOXED_ITERATORS, STREAM_ITEM_BOXED, CHANNEL_ITEM]);
    }
    Table {
        title: format!("Overhead, batches of {batch}"),
        about: format!(
            "{RECORDS} numbers, made from a counter: `x * 3 + 1`, keep the even ones, add them up. *Ours* has one worker, all \
             metrics, and spans without a subscriber. Channels of single records, and spate, get a tenth of the records; times are per record."
        ),
        rows,
        baseline: Some(LOOP),
        ours: Some(OURS),
        bars: vec![
            Bar { what: format!("overhead at {batch}: ours / loop"), measure: Measure::Time { of: OURS, to: LOOP, limit } },
            Bar {
                what: format!("overhead at {batch}: ours before all that hands over, streams or boxes"),
                measure: Measure::Ahead { of: OURS, rows: handing_over },
            },
        ],
        runs_per_round: 2,
    }
}
