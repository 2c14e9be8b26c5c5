//! From JSON lines by serde into a Parquet file.

use etl_connectors::{jsonl, parquet};
use etl_core::prelude::*;
use serde::Serialize;

use crate::record::Tag;
use crate::settings::Config;

/// An object that only serde can read.
#[derive(SerdeRecord, Serialize, Deserialize, Debug, Clone)]
#[serde(deny_unknown_fields)]
struct Note {
    id: u64,
    name: String,
    card: Sensitive<String>,
    amount: i64,
    ratio: f64,
    note: Option<String>,
    tag: Tag,
}

#[resource]
fn album(config: &Config) -> Result<parquet::File<Note>> {
    parquet::create_serde(&config.output)
}

#[extractor(malformed = reject)]
fn notes(config: &Config) -> Result<jsonl::Rows<Note>> {
    jsonl::read_serde(&config.input)
}

#[loader(batch = 10)]
fn paste(notes: &[Note], tx: &mut parquet::Writer<'_, Note>) -> Result<()> {
    tx.write(notes)
}

pipeline! {
    /// From JSON lines by serde into a Parquet file.
    pub(crate) Notes {
        settings: Config,
        resources: [album],
        flow: notes => paste,
        delivery: exactly_once,
        error_threshold: 90%,
        dead_letter: file(settings.rejects),
    }
}
