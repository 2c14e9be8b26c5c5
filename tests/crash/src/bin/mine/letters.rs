//! From CSV by serde into JSON lines by serde.

use etl_connectors::{csv, jsonl};
use etl_core::prelude::*;
use serde::Serialize;

use crate::record::Tag;
use crate::settings::Config;

/// A line that only serde can read.
#[derive(SerdeRecord, Serialize, Deserialize, Debug, Clone)]
struct Letter {
    id: u64,
    name: String,
    card: Sensitive<String>,
    amount: i64,
    ratio: f64,
    note: Option<Kind>,
    tag: Tag,
}

/// One of these words, which serde tells if it is another.
#[derive(Serialize, Deserialize, Debug, Clone)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Short,
    Long,
}

#[resource]
fn box_of_letters(config: &Config) -> Result<jsonl::File<Letter>> {
    jsonl::create_serde(&config.output)
}

#[extractor(malformed = reject)]
fn letters(config: &Config) -> Result<csv::Rows<Letter>> {
    csv::read_serde(&config.input)
}

#[transform]
fn look(letter: Letter) -> Letter {
    letter
}

#[loader(batch = 10)]
fn drop_in(letters: &[Letter], tx: &mut jsonl::Writer<'_, Letter>) -> Result<()> {
    tx.write(letters)
}

pipeline! {
    /// From CSV by serde into JSON lines by serde.
    pub(crate) Letters {
        settings: Config,
        resources: [box_of_letters],
        flow: letters => look => drop_in,
        delivery: exactly_once,
        error_threshold: 90%,
        dead_letter: file(settings.rejects),
    }
}
