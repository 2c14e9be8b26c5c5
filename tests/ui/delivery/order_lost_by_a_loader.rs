//! Several transactions at once behind a stage that keeps state.
use etl_core::guarantee::Transactional;
use etl_core::prelude::*;
use etl_core::target::{self, Abandoned, Preparation, Target};

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[derive(Clone)]
pub struct Table;

pub struct Transaction;

impl Target for Table {
    type Connection = ();
    type Transaction<'c> = Transaction;
    type Class = Transactional;
    const CONCURRENT: bool = true;

    fn name(&self) -> std::borrow::Cow<'_, str> {
        "table".into()
    }
    async fn prepare(&self, _: Preparation) -> Result<()> {
        Ok(())
    }
    async fn connect(&self) -> Result<()> {
        Ok(())
    }
    async fn begin(_: &mut ()) -> Result<Transaction> {
        Ok(Transaction)
    }
    async fn publish(&self, _: ()) -> Result<()> {
        Ok(())
    }
    async fn abandon(&self, _: ()) -> Abandoned {
        Abandoned::Kept
    }
}

impl target::Transaction for Transaction {
    type Target = Table;

    async fn commit(self) -> Result<()> {
        Ok(())
    }
    async fn rollback(self) -> Result<()> {
        Ok(())
    }
}

#[resource]
fn table() -> Table {
    Table
}

#[extractor(replayable)]
fn read() -> Vec<Raw> {
    vec![]
}

#[derive(Default, serde::Serialize, serde::Deserialize)]
pub struct Seen {
    numbers: std::collections::HashSet<i64>,
}

#[transform]
fn once(raw: Raw, seen: &mut Seen) -> Option<Raw> {
    seen.numbers.insert(raw.number).then_some(raw)
}

#[loader(concurrency = 2)]
async fn load(_: &[Raw], _: &mut Transaction) {}

pipeline! {
    Job {
        resources: [table],
        flow: read => once => load,
        delivery: exactly_once,
    }
}

fn main() {}
