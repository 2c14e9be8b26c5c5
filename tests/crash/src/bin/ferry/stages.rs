//! What the pipelines have in common.

use std::time::Duration;

use etl_connectors::csv;
use etl_core::prelude::*;

/// What the harness sets.
#[derive(Debug, Settings)]
pub(crate) struct Config {
    /// The CSV file with the cargo.
    pub(crate) input: PathBuf,
    /// The target.
    pub(crate) output: PathBuf,
    /// Where rejected records go.
    pub(crate) rejects: PathBuf,
    /// The database, where the target is one on a server.
    #[serde(default)]
    pub(crate) database: Option<Secret<String>>,
    /// The record behind which a loader hesitates once for longer than it may take.
    #[serde(default)]
    pub(crate) hesitate: Option<u64>,
}

/// A line of the cargo.
#[derive(Record, Debug, Clone)]
pub(crate) struct Raw {
    id: u64,
    kind: CompactString,
    amount: i64,
    note: String,
}

/// What arrives.
#[derive(Record, Debug, Clone)]
pub(crate) struct Item {
    pub(crate) id: u64,
    pub(crate) amount: i64,
    pub(crate) note: String,
    pub(crate) stamp: i64,
}

/// Why something does not arrive.
#[derive(Debug, thiserror::Error, StageError)]
pub(crate) enum WeighError {
    /// It goes to the dead letters.
    #[error("nobody takes this")]
    #[on_error(reject)]
    Refused,
}

/// Reads the cargo. Lines that are none are dead letters.
#[extractor(malformed = reject)]
pub(crate) fn manifest(config: &Config) -> Result<csv::Rows<Raw>> {
    csv::read(&config.input)
}

/// Works on the CPU, on several workers.
#[transform(parallel, batch = 100)]
pub(crate) fn weigh(raw: Raw) -> Result<Item, WeighError> {
    if raw.kind == "bad" {
        return Err(WeighError::Refused);
    }
    // A negative amount marks what `wanted` leaves out.
    let amount = if raw.kind == "drop" { -1 } else { raw.amount * 3 + 1 };
    Ok(Item { id: raw.id, amount, note: raw.note.chars().rev().collect(), stamp: 0 })
}

/// Leaves out what nobody wants.
#[filter]
pub(crate) fn wanted(item: &Item) -> bool {
    item.amount >= 0
}

/// Seals each item with a sum over its fields.
#[transform(parallel)]
pub(crate) fn seal(mut item: Item) -> Item {
    item.stamp = sum(&item);
    item
}

/// The same while others are under way: a few take so long that whole batches overtake them.
#[transform(concurrency = 16, unordered)]
pub(crate) async fn seal_anywhere(item: &Item) -> Item {
    if item.id.is_multiple_of(2_048) {
        tokio::time::sleep(Duration::from_millis(8)).await;
    }
    Item { stamp: sum(item), ..item.clone() }
}

/// FNV-1a.
fn sum(item: &Item) -> i64 {
    let bytes = item.id.to_le_bytes().into_iter().chain(item.amount.to_le_bytes()).chain(item.note.bytes());
    let sum = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (sum >> 1) as i64
}
