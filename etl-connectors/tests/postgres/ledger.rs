//! The ledger: what is in is known to be in, whatever became of the answer (I1, I2, I4).

use etl_connectors::postgres::Pool;
use etl_core::target::{Receipt, Recorded, Target, Transaction};
use etl_core::{Class, ErrorKind};
use etl_postgres_server::Proxy;

use crate::support::{Database, Run, client, entry, items, receipt, until};

#[tokio::test]
async fn i4_the_next_run_knows_what_is_in_and_with_what_progress() {
    let database = Database::of_items().await;
    let mut first = Run::new(&database, "first").await;
    first.load(0..5, 1).await.unwrap();
    first.load(5..9, 2).await.unwrap();
    first.load(12..14, 3).await.unwrap();
    assert_eq!(database.count("_etl_ledger").await, 4, "three parts and the progress");
    first.publish().await;
    let second = Run::new(&database, "second").await;
    assert_eq!(second.entries, [entry(0..9, 2, None), entry(12..14, 3, Some("after 3"))]);
    assert_eq!(database.count("_etl_ledger").await, 3, "what follows each other is one row");
    assert_eq!(database.number("SELECT sum(records)::bigint FROM _etl_ledger").await, 11);
    second.publish().await;
    let third = Run::new(&database, "third").await;
    assert_eq!(third.entries, [entry(0..9, 2, None), entry(12..14, 3, Some("after 3"))], "also after it was folded");
}

#[tokio::test]
async fn i2_what_is_in_already_is_told_and_not_loaded_again() {
    let database = Database::of_items().await;
    let mut run = Run::new(&database, "first").await;
    assert_eq!(run.load(0..5, 1).await.unwrap(), Recorded::New);
    let mut transaction = run.begin().await;
    transaction.execute("DELETE FROM items").await.unwrap();
    assert_eq!(transaction.record(&receipt(0..5, 1)).await.unwrap(), Recorded::Already);
    transaction.rollback().await.unwrap();
    assert_eq!(database.count("items").await, 5);
}

#[tokio::test]
async fn i2_a_commit_of_which_nobody_knows_whether_it_was_one_is_resolved_by_doing_it_again() {
    let database = Database::of_items().await;
    let mut run = Run::new(&database, "first").await;
    for (round, range) in [0..5, 5..10, 10..15, 15..20].into_iter().enumerate() {
        let sequence = round as u64 + 1;
        let mut transaction = loop {
            // The session that was ended may be noticed only now.
            match Pool::begin(&mut run.connection).await {
                Ok(transaction) => break transaction,
                Err(error) => assert_eq!(error.class(), Class::Retry, "{error}"),
            }
        };
        transaction.copy_in("items", &items(range.clone())).await.unwrap();
        assert_eq!(transaction.record(&receipt(range.clone(), sequence)).await.unwrap(), Recorded::New);
        // The connection is cut at about the time of the commit: before it, or behind it.
        let (commit, ()) = futures::join!(transaction.commit(), database.end_sessions());
        if let Err(error) = &commit {
            assert_eq!(error.class(), Class::Retry, "{error}");
            load_again(&mut run, range, sequence).await;
        }
        assert_eq!(database.count("items").await, 5 * sequence as i64);
    }
}

#[tokio::test]
async fn i2_a_commit_whose_answer_was_lost_is_found_in_the_ledger() {
    let database = Database::of_items().await;
    let proxy = Proxy::before(&database.url).unwrap();
    let behind = Database { url: proxy.url(&database.url), observer: client(&database.url).await };
    let mut run = Run::new(&behind, "first").await;
    for (range, sequence) in [(0..5, 1), (5..10, 2)] {
        let mut transaction = run.begin().await;
        transaction.copy_in("items", &items(range.clone())).await.unwrap();
        transaction.record(&receipt(range.clone(), sequence)).await.unwrap();
        proxy.lose_commits(0, 1);
        let error = transaction.commit().await.unwrap_err();
        assert_eq!((error.class(), error.kind()), (Class::Retry, ErrorKind::Unavailable), "{error}");
        assert_eq!(proxy.still_to_lose(), 0);
        until(async || database.count("items").await == range.end as i64).await;
        let mut transaction = run.begin().await;
        assert!(transaction.is_recorded(&receipt(range.clone(), sequence).entries).await.unwrap());
        assert!(!transaction.is_recorded(&receipt(range.end..range.end + 1, 9).entries).await.unwrap());
        transaction.rollback().await.unwrap();
    }
    assert_eq!(database.ids().await, (0..10).collect::<Vec<_>>());
}

/// What the engine does after a commit that was not answered: it asks before it loads, because a unique
/// key would refuse the records before the ledger does.
async fn load_again(run: &mut Run, range: std::ops::Range<u64>, sequence: u64) {
    for _ in 0..10 {
        let tried = async {
            let mut transaction = Pool::begin(&mut run.connection).await?;
            let is_in = transaction.is_recorded(&receipt(range.clone(), sequence).entries).await?;
            transaction.rollback().await?;
            if is_in { Ok(Recorded::Already) } else { run.load(range.clone(), sequence).await }
        };
        match tried.await {
            Ok(_) => return,
            Err(error) => assert_eq!(error.class(), Class::Retry, "{error}"),
        }
    }
    panic!("the server never came back");
}

#[tokio::test]
async fn i2_a_second_attempt_waits_for_the_first_to_end() {
    let database = Database::with("CREATE TABLE items (id bigint, name text, price float8)").await;
    for commits in [true, false] {
        let start = if commits { 0 } else { 5 };
        let mut run = Run::new(&database, "same").await;
        let mut transaction = Pool::begin(&mut run.connection).await.unwrap();
        transaction.copy_in("items", &items(start..start + 5)).await.unwrap();
        transaction.record(&receipt(start..start + 5, 1)).await.unwrap();
        // Another connection of the same run, as after a reconnection of which the server has not heard.
        let connection = run.pool.connect().await.unwrap();
        let mut other = Run { pool: run.pool.clone(), connection, entries: Vec::new() };
        let second = tokio::spawn(async move { other.load(start..start + 5, 1).await });
        until(async || database.number("SELECT count(*) FROM pg_locks WHERE NOT granted").await > 0).await;
        if commits {
            transaction.commit().await.unwrap();
        } else {
            transaction.rollback().await.unwrap();
        }
        let expected = if commits { Recorded::Already } else { Recorded::New };
        assert_eq!(second.await.unwrap().unwrap(), expected);
        run.publish().await;
    }
    assert_eq!(database.count("items").await, 10);
}

#[tokio::test]
async fn an_empty_part_holds_only_progress_and_is_in_nobodys_way() {
    let database = Database::of_items().await;
    let mut run = Run::new(&database, "first").await;
    for (range, sequence) in [(0..0, 1), (0..0, 2), (0..5, 3), (5..5, 4)] {
        assert_eq!(run.load(range, sequence).await.unwrap(), Recorded::New);
    }
    run.publish().await;
    let second = Run::new(&database, "second").await;
    assert_eq!(second.entries, [entry(0..5, 3, None), entry(5..5, 4, Some("after 4"))]);
}

#[tokio::test]
async fn parts_of_many_partitions_are_one_transaction() {
    let database = Database::of_items().await;
    let mut run = Run::new(&database, "first").await;
    let mut transaction = run.begin().await;
    let mut other = entry(3..7, 1, Some("b"));
    other.partition = "other.csv".into();
    let both = Receipt::new(vec![entry(0..5, 1, Some("a")), other.clone()], 9);
    assert_eq!(transaction.record(&both).await.unwrap(), Recorded::New);
    transaction.commit().await.unwrap();
    let mut transaction = run.begin().await;
    assert_eq!(transaction.record(&both).await.unwrap(), Recorded::Already);
    transaction.rollback().await.unwrap();
    // A part of a batch that is in already is a bug, and never dropped or doubled in silence.
    let mut transaction = run.begin().await;
    let half = Receipt::new(vec![entry(0..5, 1, None), entry(5..6, 1, None)], 6);
    assert_eq!(transaction.record(&half).await.unwrap_err().class(), Class::Fail);
    transaction.rollback().await.unwrap();
    run.publish().await;
    assert_eq!(Run::new(&database, "second").await.entries, [entry(0..5, 1, Some("a")), other]);
}

#[tokio::test]
async fn the_ledger_stays_small_over_many_runs() {
    let database = Database::of_items().await;
    for round in 0..5 {
        let mut run = Run::new(&database, &format!("run {round}")).await;
        assert!(database.count("_etl_ledger").await <= 2);
        for step in 0..10 {
            let start = round * 10 + step;
            run.load(start..start + 1, start + 1).await.unwrap();
        }
        run.publish().await;
    }
    let run = Run::new(&database, "last").await;
    assert_eq!(run.range(), 0..50);
}
