//! `atomic: run`: nothing is seen before the end, and then everything at once.

use etl_connectors::postgres::Pool;
use etl_core::target::{Abandoned, Preparation, Recorded, Target, Transaction};
use etl_core::{Class, ErrorKind};

use crate::common::item;
use crate::support::{Database, Run, claim_of, items, receipt, until};

/// How many tables of ours beside the ledger's there are.
const STAGES: &str = "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname LIKE '\\_etl\\_stage\\_%'";

#[tokio::test]
async fn a_run_that_commits_as_a_whole_is_seen_at_its_end_and_at_once() {
    let database = Database::of_items().await;
    database.observer.batch_execute("INSERT INTO items VALUES (100, 'old', 1)").await.unwrap();
    let mut run = Run::whole(&database, "first").await;
    assert!(run.pool.appears_whole());
    run.load(0..5, 1).await.unwrap();
    run.load(5..9, 2).await.unwrap();
    assert_eq!((database.count("items").await, database.number(STAGES).await), (1, 1));
    run.publish().await;
    assert_eq!(database.ids().await, [0, 1, 2, 3, 4, 5, 6, 7, 8, 100]);
    assert_eq!(database.number(STAGES).await, 0);
    // What was published counts, also for a run that commits batch by batch.
    let second = Run::new(&database, "second").await;
    assert_eq!(second.range(), 0..9);
    assert_eq!(second.entries[0].progress.as_deref(), Some("after 2"));
}

#[tokio::test]
async fn a_run_that_is_abandoned_leaves_nothing() {
    let database = Database::of_items().await;
    let mut run = Run::whole(&database, "first").await;
    run.load(0..5, 1).await.unwrap();
    assert_eq!(run.pool.abandon(run.connection).await, Abandoned::Discarded);
    assert_eq!((database.count("items").await, database.number(STAGES).await), (0, 0));
    assert!(Run::whole(&database, "second").await.entries.is_empty());
}

#[tokio::test]
async fn i1_i2_a_run_that_was_killed_is_gone_on_with_from_what_was_staged() {
    let database = Database::of_items().await;
    let mut run = Run::whole(&database, "first").await;
    run.load(0..5, 1).await.unwrap();
    database.end_sessions().await;
    drop(run);
    let mut run = Run::whole(&database, "second").await;
    assert_eq!(run.range(), 0..5);
    assert_eq!(run.load(5..9, 2).await.unwrap(), Recorded::New);
    run.publish().await;
    assert_eq!(database.count("items").await, 9);
}

#[tokio::test]
async fn what_was_staged_is_dropped_where_the_next_run_does_not_commit_as_a_whole() {
    let database = Database::of_items().await;
    let mut run = Run::whole(&database, "first").await;
    run.load(0..5, 1).await.unwrap();
    database.end_sessions().await;
    drop(run);
    let mut run = Run::new(&database, "second").await;
    assert!(run.entries.is_empty());
    assert_eq!(database.number(STAGES).await, 0);
    run.load(0..5, 1).await.unwrap();
    assert_eq!(database.count("items").await, 5);
}

#[tokio::test]
async fn i5_a_run_that_was_taken_over_publishes_nothing() {
    let database = Database::of_items().await;
    let mut claim = claim_of("zombie");
    claim.holder.host = "elsewhere".into();
    claim.lease = std::time::Duration::from_millis(50);
    let mut zombie = Run::try_new(&database, &claim, Preparation::new(false, false).whole()).await.unwrap();
    zombie.load(0..5, 1).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    let next = Run::whole(&database, "next").await;
    assert_eq!(zombie.pool.publish(zombie.connection).await.unwrap_err().code(), "fenced");
    assert_eq!((database.count("items").await, database.number(STAGES).await), (0, 1));
    next.publish().await;
    assert_eq!(database.count("items").await, 5);
}

#[tokio::test]
async fn i2_a_publication_that_was_not_answered_is_done_once() {
    let database = Database::of_items().await;
    let mut run = Run::whole(&database, "first").await;
    run.load(0..5, 1).await.unwrap();
    let (published, ()) = futures::join!(run.pool.publish(run.connection), async {
        for _ in 0..3 {
            database.end_sessions().await;
            tokio::time::sleep(std::time::Duration::from_millis(3)).await;
        }
    });
    published.unwrap();
    assert_eq!((database.count("items").await, database.number(STAGES).await), (5, 0));
    assert_eq!(Run::whole(&database, "second").await.range(), 0..5);
}

#[tokio::test]
async fn upserts_are_staged_too() {
    let database = Database::of_items().await;
    database.observer.batch_execute("INSERT INTO items VALUES (1, 'old', 1), (2, 'kept', 2)").await.unwrap();
    let mut run = Run::whole(&database, "first").await;
    for (sequence, name) in [(1, "first"), (2, "last")] {
        let mut transaction = run.begin().await;
        transaction.upsert("items", &["id"], &[item(1, name, None)]).await.unwrap();
        transaction.record(&receipt(sequence..sequence + 1, sequence)).await.unwrap();
        transaction.commit().await.unwrap();
    }
    let mut transaction = run.begin().await;
    let error = transaction.copy_in("items", &[item(3, "x", None)]).await.unwrap_err();
    assert!(error.advice().unwrap().contains("either copy or upsert"), "{error}");
    transaction.rollback().await.unwrap();
    let mut transaction = run.begin().await;
    let error = transaction.execute("DELETE FROM items").await.unwrap_err();
    assert_eq!((error.kind(), error.class()), (ErrorKind::Load, Class::Fail));
    transaction.rollback().await.unwrap();
    run.publish().await;
    let names = database.observer.query("SELECT name FROM items ORDER BY id", &[]).await.unwrap();
    assert_eq!(names.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>(), ["last", "kept"]);
}

#[tokio::test]
async fn a_replacing_run_empties_the_tables_when_it_is_published() {
    let database = Database::of_items().await;
    let mut first = Run::new(&database, "first").await;
    first.load(0..5, 1).await.unwrap();
    first.publish().await;
    let mut fresh = claim_of("second");
    (fresh.fresh, fresh.replace) = (true, true);
    let mut run = Run::try_new(&database, &fresh, Preparation::new(true, false).whole()).await.unwrap();
    run.load(3..7, 1).await.unwrap();
    assert_eq!(database.ids().await, [0, 1, 2, 3, 4], "nothing is seen yet");
    // It is killed, and another one goes on with it.
    database.end_sessions().await;
    drop(run);
    let run = Run::whole(&database, "third").await;
    assert_eq!(run.range(), 3..7);
    run.publish().await;
    assert_eq!(database.ids().await, [3, 4, 5, 6]);
}

#[tokio::test]
async fn i2_a_replacing_run_that_was_killed_does_not_double_what_it_was_to_replace() {
    let database = Database::of_items().await;
    let mut first = Run::new(&database, "first").await;
    first.load(0..5, 1).await.unwrap();
    first.publish().await;
    let mut fresh = claim_of("second");
    (fresh.fresh, fresh.replace) = (true, true);
    let run = Run::try_new(&database, &fresh, Preparation::new(true, false).whole()).await.unwrap();
    database.end_sessions().await;
    drop(run);
    until(async || database.open_transactions().await == 0).await;
    let mut run = Run::new(&database, "third").await;
    assert!(run.entries.is_empty());
    run.load(0..5, 1).await.unwrap();
    assert_eq!(database.count("items").await, 5);
}

#[tokio::test]
async fn without_a_lease_nothing_can_be_staged() {
    let database = Database::of_items().await;
    let pool = database.pool().await;
    pool.prepare(Preparation::new(false, false).whole()).await.unwrap();
    let mut connection = pool.connect().await.unwrap();
    let mut transaction = Pool::begin(&mut connection).await.unwrap();
    let error = transaction.copy_in("items", &items(0..1)).await.unwrap_err();
    assert!(error.message().contains("its source cannot be read again"), "{error}");
}
