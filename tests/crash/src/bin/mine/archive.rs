//! From a Parquet file into a log, by a plain function.

use std::fs::OpenOptions;
use std::io::Write;

use etl_connectors::parquet;
use etl_core::prelude::*;

use crate::record::Raw;
use crate::settings::Config;

#[extractor(malformed = reject)]
fn pages(config: &Config) -> Result<parquet::Rows<Raw>> {
    parquet::read(&config.input)
}

#[loader(batch = 10)]
fn note_down(raws: &[Raw], config: &Config) -> Result<(), std::io::Error> {
    let mut log = OpenOptions::new().create(true).append(true).open(&config.output)?;
    raws.iter().try_for_each(|raw| writeln!(log, "{raw:?} {}", raw.card.reveal()))
}

pipeline! {
    /// From a Parquet file into a log, by a plain function.
    pub(crate) Archive {
        settings: Config,
        flow: pages => note_down,
        delivery: at_least_once,
        error_threshold: 90%,
        dead_letter: file(settings.rejects),
    }
}
