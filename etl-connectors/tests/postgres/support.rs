//! Databases, observers beside the target, and short ways to say what the engine says.

use std::sync::Arc;
use std::time::Duration;

use etl_connectors::postgres::{self, Connection, Pool, Transaction};
use etl_core::position::Cursor;
use etl_core::record::Secret;
use etl_core::target::{Claim, Entry, Preparation, Receipt, Recorded, Target, Transaction as _};
use etl_core::{Error, Result};
use tokio_postgres::{Client, NoTls};

/// A database of its own for one test, with somebody who looks at it.
pub(crate) struct Database {
    pub(crate) url: String,
    pub(crate) observer: Client,
}

impl Database {
    pub(crate) async fn with(sql: &str) -> Self {
        let url = etl_postgres_server::database();
        let observer = client(&url).await;
        observer.batch_execute(sql).await.unwrap();
        Self { url, observer }
    }

    /// With the table of [`Item`](crate::common::Item)s.
    pub(crate) async fn of_items() -> Self {
        Self::with("CREATE TABLE items (id bigint PRIMARY KEY, name text NOT NULL CHECK (name <> 'bad'), price double precision)").await
    }

    pub(crate) async fn pool(&self) -> Pool {
        postgres::connect(&Secret::new(self.url.clone())).await.unwrap()
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        self.observer.query_one(sql, &[]).await.unwrap().get(0)
    }

    pub(crate) async fn count(&self, table: &str) -> i64 {
        self.number(&format!("SELECT count(*) FROM {table}")).await
    }

    pub(crate) async fn ids(&self) -> Vec<i64> {
        let rows = self.observer.query("SELECT id FROM items ORDER BY id", &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// The sessions that are in a transaction now, ours left out.
    pub(crate) async fn open_transactions(&self) -> i64 {
        self.number(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
             AND xact_start IS NOT NULL",
        )
        .await
    }

    /// Ends every session of the target, as an operator or a failover would.
    pub(crate) async fn end_sessions(&self) {
        let sql = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
        let sessions: Vec<i32> = self.observer.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
        self.observer.execute("SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) pid", &[&sessions]).await.unwrap();
        let left = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY($1)";
        until(async || self.observer.query_one(left, &[&sessions]).await.unwrap().get::<_, i64>(0) == 0).await;
    }
}

pub(crate) async fn client(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Waits until something is so; not for ever.
pub(crate) async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..500 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it never became so");
}

/// A run of a pipeline, as the engine drives it.
pub(crate) struct Run {
    pub(crate) pool: Pool,
    pub(crate) connection: Connection,
    pub(crate) entries: Vec<Entry>,
}

pub(crate) fn claim_of(run: &str) -> Claim {
    Claim::new("Test", run)
}

impl Run {
    pub(crate) async fn try_new(database: &Database, claim: &Claim, preparation: Preparation) -> Result<Self> {
        let pool = database.pool().await;
        pool.prepare(preparation).await?;
        let mut connection = pool.connect().await?;
        let entries = pool.claim(&mut connection, claim).await?;
        Ok(Self { pool, connection, entries })
    }

    pub(crate) async fn new(database: &Database, run: &str) -> Self {
        Self::try_new(database, &claim_of(run), Preparation::new(false, false)).await.unwrap()
    }

    pub(crate) async fn whole(database: &Database, run: &str) -> Self {
        Self::try_new(database, &claim_of(run), Preparation::new(false, false).whole()).await.unwrap()
    }

    pub(crate) async fn begin(&mut self) -> Transaction<'_> {
        Pool::begin(&mut self.connection).await.unwrap()
    }

    /// Loads the items of a range in one transaction.
    pub(crate) async fn load(&mut self, range: std::ops::Range<u64>, sequence: u64) -> Result<Recorded, Error> {
        let mut transaction = Pool::begin(&mut self.connection).await?;
        transaction.copy_in("items", &items(range.clone())).await?;
        let recorded = transaction.record(&receipt(range, sequence)).await?;
        match recorded {
            Recorded::New => transaction.commit().await?,
            Recorded::Already => transaction.rollback().await?,
        }
        Ok(recorded)
    }

    pub(crate) async fn publish(self) {
        self.pool.publish(self.connection).await.unwrap();
    }

    /// What the ledger had when the run began: one part.
    pub(crate) fn range(&self) -> std::ops::Range<u64> {
        assert_eq!(self.entries.len(), 1, "{:?}", self.entries);
        self.entries[0].range.clone()
    }
}

pub(crate) fn items(range: std::ops::Range<u64>) -> Vec<crate::common::Item> {
    range.map(|id| crate::common::item(id as i64, "x", None)).collect()
}

pub(crate) fn entry(range: std::ops::Range<u64>, sequence: u64, progress: Option<&str>) -> Entry {
    let end = Cursor { ordinal: range.end, byte: Some(range.end * 10), line: None };
    Entry::new(Arc::from("flights.csv"), range, end, sequence, progress.map(Arc::from))
}

pub(crate) fn receipt(range: std::ops::Range<u64>, sequence: u64) -> Receipt {
    let records = range.end - range.start;
    Receipt::new(vec![entry(range, sequence, Some(&format!("after {sequence}")))], records)
}
