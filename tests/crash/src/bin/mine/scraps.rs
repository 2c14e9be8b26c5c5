//! From CSV by serde, whatever the header says, into JSON lines.

use std::collections::BTreeMap;

use etl_connectors::{csv, jsonl};
use etl_core::prelude::*;
use serde::Serialize;

use crate::settings::Config;

/// Whatever the header says.
#[derive(SerdeRecord, Serialize, Deserialize, Debug, Clone)]
#[serde(transparent)]
struct Scrap(BTreeMap<String, String>);

#[resource]
fn heap(config: &Config) -> Result<jsonl::File<Scrap>> {
    jsonl::create_serde(&config.output)
}

#[extractor(malformed = fail)]
fn scraps(config: &Config) -> Result<csv::Rows<Scrap>> {
    csv::read_serde(&config.input)
}

#[loader(batch = 10)]
fn throw(scraps: &[Scrap], tx: &mut jsonl::Writer<'_, Scrap>) -> Result<()> {
    tx.write(scraps)
}

pipeline! {
    /// From CSV by serde, whatever the header says, into JSON lines.
    pub(crate) Scraps {
        settings: Config,
        resources: [heap],
        flow: scraps => throw,
        delivery: exactly_once,
        error_threshold: 90%,
        dead_letter: file(settings.rejects),
    }
}
