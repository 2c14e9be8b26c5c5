//! From JSON lines by the derive into CSV.

use etl_connectors::{csv, jsonl};
use etl_core::prelude::*;

use crate::record::{Item, Raw};
use crate::settings::Config;
use crate::trouble::JudgeError;

#[resource]
fn sheet(config: &Config) -> Result<csv::File<Item>> {
    csv::create(&config.output)
}

#[extractor(malformed = reject)]
fn events(config: &Config) -> Result<jsonl::Rows<Raw>> {
    jsonl::read(&config.input)
}

#[transform(batch = 5)]
fn judge(raws: Vec<Raw>, config: &Config) -> Batch<Item, JudgeError> {
    raws.iter().map(|raw| crate::trouble::judge(raw, config).map(|()| Item::from(raw))).collect()
}

#[loader(batch = 10)]
fn write(items: &[Item], tx: &mut csv::Writer<'_, Item>) -> Result<()> {
    tx.write(items)
}

pipeline! {
    /// From JSON lines by the derive into CSV.
    pub(crate) Events {
        settings: Config,
        resources: [sheet],
        flow: events => judge => write,
        delivery: exactly_once,
        error_threshold: 90%,
        dead_letter: file(settings.rejects),
    }
}
