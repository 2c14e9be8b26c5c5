//! A call that is given up at any await leaves a clean session behind: `timeout` on a loader does that.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use etl_connectors::postgres::Pool;
use etl_core::target::{Target, Transaction};
use etl_core::{Class, Error};

use crate::support::{Database, Run, items, receipt, until};

/// Polls until a future has been pending so often, then drops it. `None`: it was dropped.
async fn given_up_after<F: Future>(pending: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..=pending {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Some(output);
        }
        // The server has time to answer.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    None
}

/// One attempt as the engine makes it.
async fn attempt(run: &mut Run) -> Result<(), Error> {
    let mut transaction = Pool::begin(&mut run.connection).await?;
    transaction.copy_in("items", &items(0..20_000)).await?;
    transaction.upsert("others", &["id"], &items(0..10)).await?;
    transaction.savepoint().await?;
    transaction.execute("UPDATE others SET name = 'updated'").await?;
    transaction.release_savepoint().await?;
    transaction.record(&receipt(0..20_000, 1)).await?;
    transaction.rollback().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i7_a_loader_that_is_dropped_at_any_await_leaves_a_clean_session() {
    let database = Database::of_items().await;
    database.observer.batch_execute("CREATE TABLE others (LIKE items INCLUDING ALL)").await.unwrap();
    let mut run = Run::new(&database, "a").await;
    let mut ended = None;
    let mut dropped = 0;
    while ended.is_none() {
        ended = given_up_after(dropped, attempt(&mut run)).await;
        dropped += 1;
        until(async || database.open_transactions().await == 0).await;
        // The next transaction is a whole one, and nothing of the last is in it.
        let start = 1_000_000 + dropped as u64 * 100;
        run.load(start..start + 2, dropped as u64 + 1).await.unwrap();
        assert_eq!(database.count("items").await, 2 * dropped as i64);
        assert_eq!(database.count("others").await, 0);
    }
    ended.unwrap().unwrap();
    assert!(dropped > 10, "{dropped} awaits");
    assert_eq!(database.number("SELECT epoch FROM _etl_lease").await, 1, "nothing was claimed again");
}

#[tokio::test]
async fn i7_a_statement_that_runs_for_long_is_ended_when_it_is_given_up() {
    let database = Database::of_items().await;
    let mut run = Run::new(&database, "a").await;
    let mut transaction = Pool::begin(&mut run.connection).await.unwrap();
    let slow = transaction.execute("LOCK TABLE items; SELECT pg_sleep(600)");
    assert!(tokio::time::timeout(Duration::from_millis(200), slow).await.is_err());
    // Whoever goes on with it is told.
    let error = transaction.copy_in("items", &items(0..1)).await.unwrap_err();
    assert_eq!(error.class(), Class::Retry, "{error}");
    transaction.rollback().await.unwrap();
    until(async || database.open_transactions().await == 0).await;
    run.load(0..2, 1).await.unwrap();
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_ended_by_the_server_first() {
    let database = Database::of_items().await;
    let options = etl_connectors::postgres::options().statement_timeout(Duration::from_millis(100));
    let pool = options.connect(&etl_core::record::Secret::new(database.url.clone())).await.unwrap();
    let mut connection = pool.connect().await.unwrap();
    let mut transaction = Pool::begin(&mut connection).await.unwrap();
    let error = transaction.execute("SELECT pg_sleep(600)").await.unwrap_err();
    assert_eq!((error.class(), error.kind()), (Class::Retry, etl_core::ErrorKind::TimedOut), "{error}");
    transaction.rollback().await.unwrap();
    Pool::begin(&mut connection).await.unwrap().commit().await.unwrap();
}

#[tokio::test]
async fn a_transaction_that_is_dropped_without_a_word_is_rolled_back() {
    let database = Database::of_items().await;
    let mut run = Run::new(&database, "a").await;
    let mut transaction = run.begin().await;
    transaction.copy_in("items", &items(0..1)).await.unwrap();
    drop(transaction);
    until(async || database.open_transactions().await == 0).await;
    run.load(0..1, 1).await.unwrap();
    assert_eq!(database.count("items").await, 1);
}
