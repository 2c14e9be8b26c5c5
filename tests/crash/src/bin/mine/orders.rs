//! From CSV by the derive, through every kind of stage, into a table.

use std::time::Duration;

use etl_connectors::{csv, sqlite};
use etl_core::prelude::*;

use crate::record::{Item, Raw};
use crate::settings::Config;
use crate::trouble::{JudgeError, Nested, Quoting, SPOILED, Trouble};

#[resource]
fn till(config: &Config) -> Result<sqlite::Database> {
    match config.trouble {
        Trouble::ResourceFails => Err(Nested::of(&config.secrets()).into()),
        Trouble::PanicInResource => panic!("cannot connect to {}", config.secrets()),
        _ => sqlite::open(&config.output),
    }
}

#[extractor(malformed = reject)]
fn orders(config: &Config) -> Result<csv::Rows<Raw>> {
    match config.trouble {
        Trouble::ExtractorFails => Err(Nested::of(&config.secrets()).into()),
        Trouble::PanicInExtractor => panic!("cannot connect to {}", config.secrets()),
        _ => csv::options().max_record(4_096).read(&config.input),
    }
}

#[transform(parallel, batch = 7, retries = 1, backoff = "1ms", validate(output))]
fn judge(raw: &Raw, config: &Config) -> Result<Item, JudgeError> {
    crate::trouble::judge(raw, config)?;
    Ok(Item::from(raw))
}

#[transform(concurrency = 4, timeout = "200ms")]
async fn settle(item: Item, config: &Config) -> Result<Item> {
    if item.id != SPOILED {
        return Ok(item);
    }
    let told = format!("{item:?} {} {}", item.card.reveal(), config.secrets());
    match config.trouble {
        Trouble::Foreign => Err(Nested::of(&told))?,
        Trouble::Parse => told.parse::<f64>().map(drop)?,
        Trouble::Utf8 => drop(String::from_utf8([told.as_bytes(), b"\xFF"].concat())?),
        Trouble::Io => Err(std::io::Error::other(Quoting(told)))?,
        Trouble::PanicLater => {
            tokio::task::yield_now().await;
            panic!("{told}");
        }
        Trouble::PanicInTask => tokio::spawn(async move { panic!("{told}") }).await?,
        Trouble::Hang => tokio::time::sleep(Duration::from_secs(60)).await,
        _ => {}
    }
    Ok(item)
}

#[transform]
fn vet(item: Item, config: &Config) -> Result<Item, anyhow::Error> {
    if item.id == SPOILED && config.trouble == Trouble::Anyhow {
        let cause = anyhow::Error::new(Nested::of(&item.name));
        return Err(cause.context(format!("{} {}", item.card.reveal(), config.secrets())));
    }
    Ok(item)
}

#[transform]
fn weigh(item: Item, config: &Config) -> Result<Item, Box<dyn std::error::Error + Send + Sync>> {
    if item.id == SPOILED && config.trouble == Trouble::Boxed {
        return Err(format!("{} {}", item.name, config.secrets()).into());
    }
    Ok(item)
}

#[filter]
fn wanted(item: &Item, config: &Config) -> Result<bool> {
    if item.id == SPOILED {
        match config.trouble {
            Trouble::FilterFails => Err(Nested::of(&item.name))?,
            Trouble::PanicInFilter => panic!("{item:?} {}", config.secrets()),
            _ => {}
        }
    }
    Ok(item.id != 17)
}

#[loader(batch = 10, retries = 1, backoff = "1ms")]
fn store(items: &[Item], tx: &mut sqlite::Transaction<'_>, config: &Config) -> Result<()> {
    if let Some(spoiled) = items.iter().find(|item| item.id == SPOILED) {
        match config.trouble {
            Trouble::LoadFails => Err(Nested::of(&format!("{} {}", spoiled.name, config.secrets())))?,
            Trouble::PanicInLoader => panic!("{items:?} {}", config.secrets()),
            _ => {}
        }
    }
    tx.insert("items", items)
}

pipeline! {
    /// From CSV by the derive, through every kind of stage, into a table.
    pub(crate) Orders {
        settings: Config,
        resources: [till],
        flow: orders => judge => settle => vet => weigh => wanted => store,
        delivery: exactly_once,
        error_threshold: 50%,
        dead_letter: file(settings.rejects),
    }
}
