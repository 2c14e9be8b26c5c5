//! Several transactions under way at once in a loader that does not await.
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

#[loader(concurrency = 2)]
fn load(_: &[Raw], _: &mut Transaction) {}

fn main() {}
