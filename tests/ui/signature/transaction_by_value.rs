//! A loader takes its transaction away.
use etl_core::guarantee::Transactional;
use etl_core::prelude::*;
use etl_core::target::{self, Abandoned, Preparation, Target};

#[derive(Record)]
pub struct Raw {
    number: i64,
}

#[derive(Clone)]
pub struct Table;

pub struct Transaction<'c>(std::marker::PhantomData<&'c ()>);

impl Target for Table {
    type Connection = ();
    type Transaction<'c> = Transaction<'c>;
    type Class = Transactional;

    fn name(&self) -> std::borrow::Cow<'_, str> {
        "table".into()
    }
    async fn prepare(&self, _: Preparation) -> Result<()> {
        Ok(())
    }
    async fn connect(&self) -> Result<()> {
        Ok(())
    }
    async fn begin(_: &mut ()) -> Result<Transaction<'_>> {
        Ok(Transaction(std::marker::PhantomData))
    }
    async fn publish(&self, _: ()) -> Result<()> {
        Ok(())
    }
    async fn abandon(&self, _: ()) -> Abandoned {
        Abandoned::Kept
    }
}

impl target::Transaction for Transaction<'_> {
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

#[loader]
async fn load(_: &[Raw], _tx: Transaction<'_>) -> Result<()> {
    Ok(())
}

fn main() {}
