//! The lease: one run at a time can commit (I5), and one that is dead is followed.

use std::time::Duration;

use etl_connectors::postgres::Pool;
use etl_core::target::{Claim, Preparation, Recorded, Target, Transaction};
use etl_core::{Class, ErrorKind};

use crate::common::item;
use crate::support::{Database, Run, claim_of, client, items, receipt, until};

/// A claim of a process on another machine, of which nobody here knows whether it is gone.
fn elsewhere(run: &str, lease: Duration) -> Claim {
    let mut claim = claim_of(run);
    claim.holder.host = "elsewhere".into();
    claim.lease = lease;
    claim
}

async fn claimed(database: &Database, claim: &Claim) -> etl_core::Result<Run> {
    Run::try_new(database, claim, Preparation::new(false, false)).await
}

#[tokio::test]
async fn i5_a_second_run_is_told_who_holds_the_lease() {
    let database = Database::of_items().await;
    let first = Run::new(&database, "first").await;
    let error = claimed(&database, &claim_of("second")).await.map(drop).unwrap_err();
    assert_eq!((error.kind(), error.class(), error.code()), (ErrorKind::Unavailable, Class::Fail, "held"));
    let cause = error.causes().next().unwrap();
    assert!(cause.starts_with(&format!("process {} on ", std::process::id())), "{cause}");
    assert!(cause.contains(", run first, holds it until 2") && cause.ends_with("UTC by the server's clock"), "{cause}");
    // Another pipeline is nobody's business.
    claimed(&database, &Claim::new("Other", "second")).await.unwrap();
    first.publish().await;
    claimed(&database, &claim_of("second")).await.unwrap();
}

#[tokio::test]
async fn a_run_that_was_abandoned_gives_its_lease_up_and_keeps_what_it_loaded() {
    let database = Database::of_items().await;
    let mut first = Run::new(&database, "first").await;
    first.load(0..5, 1).await.unwrap();
    first.pool.abandon(first.connection).await;
    let second = Run::new(&database, "second").await;
    assert_eq!(second.range(), 0..5);
    assert_eq!(database.count("items").await, 5);
}

#[tokio::test]
async fn a_run_whose_session_is_gone_is_followed_at_once() {
    let database = Database::of_items().await;
    let first = claimed(&database, &elsewhere("first", Duration::from_secs(600))).await.unwrap();
    assert!(claimed(&database, &claim_of("second")).await.is_err());
    drop(first);
    until(async || claimed(&database, &claim_of("second")).await.is_ok()).await;
}

#[tokio::test]
async fn a_run_whose_process_is_gone_is_followed_at_once() {
    let database = Database::of_items().await;
    let mut claim = claim_of("first");
    claim.holder.process = u32::MAX - 1;
    let _session_is_there = claimed(&database, &claim).await.unwrap();
    let second = claimed(&database, &claim_of("second")).await;
    assert_eq!(second.is_ok(), cfg!(target_os = "linux"));
}

#[tokio::test]
async fn i5_a_zombie_is_fenced_when_its_lease_was_taken() {
    let database = Database::of_items().await;
    let mut zombie = claimed(&database, &elsewhere("zombie", Duration::from_millis(50))).await.unwrap();
    zombie.load(0..5, 1).await.unwrap();
    // It copies, and is paused before it writes to the ledger.
    let mut transaction = Pool::begin(&mut zombie.connection).await.unwrap();
    transaction.copy_in("items", &items(5..9)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut next = claimed(&database, &elsewhere("next", Duration::from_secs(60))).await.unwrap();
    assert_eq!(next.range(), 0..5);
    let error = transaction.record(&receipt(5..9, 2)).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), ("fenced", ErrorKind::Unavailable));
    transaction.rollback().await.unwrap();
    assert_eq!(zombie.load(5..9, 2).await.unwrap_err().code(), "fenced");
    assert_eq!(zombie.pool.renew(&mut zombie.connection).await.unwrap_err().code(), "fenced");
    assert_eq!(next.load(5..9, 2).await.unwrap(), Recorded::New);
    assert_eq!(database.count("items").await, 9);
    // What it gives up is not its own any more.
    zombie.pool.abandon(zombie.connection).await;
    assert!(claimed(&database, &claim_of("third")).await.is_err());
}

#[tokio::test]
async fn i5_a_zombie_that_holds_the_lease_in_a_transaction_is_ended() {
    let database = Database::of_items().await;
    let mut zombie = claimed(&database, &elsewhere("zombie", Duration::from_millis(50))).await.unwrap();
    let mut transaction = Pool::begin(&mut zombie.connection).await.unwrap();
    transaction.copy_in("items", &items(0..5)).await.unwrap();
    assert_eq!(transaction.record(&receipt(0..5, 1)).await.unwrap(), Recorded::New);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let next = claimed(&database, &elsewhere("next", Duration::from_secs(60))).await.unwrap();
    assert!(next.entries.is_empty());
    let error = transaction.commit().await.unwrap_err();
    assert_eq!(error.class(), Class::Retry, "{error}");
    assert_eq!(zombie.load(0..5, 1).await.unwrap_err().code(), "fenced", "also on its new session");
    assert_eq!(database.count("items").await, 0);
}

#[tokio::test]
async fn i5_a_zombie_with_several_transactions_is_ended_and_none_of_them_is_committed() {
    let database = Database::of_items().await;
    let mut zombie = claimed(&database, &elsewhere("zombie", Duration::from_millis(50))).await.unwrap();
    let mut other = zombie.pool.connect().await.unwrap();
    let mut first = Pool::begin(&mut zombie.connection).await.unwrap();
    let mut second = Pool::begin(&mut other).await.unwrap();
    first.copy_in("items", &items(0..5)).await.unwrap();
    second.copy_in("items", &items(5..9)).await.unwrap();
    // It is stopped when all that is left of one of them is the commit, and not on the session that has the lease.
    assert_eq!(second.record(&receipt(5..9, 1)).await.unwrap(), Recorded::New);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut next = claimed(&database, &elsewhere("next", Duration::from_secs(60))).await.unwrap();
    assert!(next.entries.is_empty());
    assert_eq!(second.commit().await.unwrap_err().class(), Class::Retry);
    assert_eq!(first.record(&receipt(0..5, 1)).await.unwrap_err().code(), "fenced");
    first.rollback().await.unwrap();
    assert_eq!(next.load(0..9, 1).await.unwrap(), Recorded::New);
    assert_eq!(database.count("items").await, 9);
}

#[tokio::test]
async fn i5_a_run_that_falls_asleep_in_its_claim_is_ended() {
    let database = Database::of_items().await;
    claimed(&database, &claim_of("earlier")).await.unwrap().publish().await;
    let asleep = crate::support::client(&database.url).await;
    asleep.batch_execute("BEGIN; UPDATE _etl_lease SET epoch = epoch + 1").await.unwrap();
    let mut next = claimed(&database, &claim_of("next")).await.unwrap();
    assert_eq!(next.load(0..5, 1).await.unwrap(), Recorded::New);
    asleep.batch_execute("COMMIT").await.unwrap_err();
}

#[tokio::test]
async fn a_run_that_works_at_its_claim_is_waited_for() {
    let database = Database::of_items().await;
    claimed(&database, &claim_of("earlier")).await.unwrap().publish().await;
    let busy = crate::support::client(&database.url).await;
    busy.batch_execute("BEGIN; UPDATE _etl_lease SET epoch = epoch + 1").await.unwrap();
    let work = async {
        for _ in 0..10 {
            busy.batch_execute("SELECT pg_sleep(0.3)").await.unwrap();
        }
        busy.batch_execute("COMMIT").await.unwrap();
    };
    let claim = claim_of("next");
    let (next, ()) = futures::join!(claimed(&database, &claim), work);
    assert_eq!(next.unwrap().load(0..5, 1).await.unwrap(), Recorded::New);
}

#[tokio::test]
async fn a_lease_that_is_renewed_is_kept() {
    let database = Database::of_items().await;
    let mut first = claimed(&database, &elsewhere("first", Duration::from_millis(400))).await.unwrap();
    for sequence in 0..6 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        if sequence % 2 == 0 {
            first.pool.renew(&mut first.connection).await.unwrap();
        } else {
            first.load(sequence..sequence + 1, sequence).await.unwrap();
        }
        assert_eq!(claimed(&database, &claim_of("second")).await.map(drop).unwrap_err().code(), "held");
    }
}

#[tokio::test]
async fn a_new_session_has_the_lease_of_the_old_one() {
    let database = Database::of_items().await;
    let mut first = Run::new(&database, "first").await;
    let epoch = database.number("SELECT epoch FROM _etl_lease").await;
    database.end_sessions().await;
    // Noticed or not, the next transaction but one is on a new session.
    let _may_find_out = first.load(0..1, 1).await;
    first.load(1..2, 2).await.unwrap();
    assert_eq!(database.number("SELECT epoch FROM _etl_lease").await, epoch);
    let owns = "SELECT count(*) FROM _etl_lease l JOIN pg_stat_activity a ON a.pid = l.backend_pid AND a.backend_start = l.backend_start";
    assert_eq!(database.number(owns).await, 1);
    assert_eq!(claimed(&database, &claim_of("second")).await.map(drop).unwrap_err().code(), "held");
}

#[tokio::test]
async fn a_claim_whose_answer_was_lost_is_made_again() {
    let database = Database::of_items().await;
    let first = Run::new(&database, "same").await;
    let mut again = Run::new(&database, "same").await;
    again.load(0..1, 1).await.unwrap();
    drop(first);
}

#[tokio::test]
async fn i5_of_many_runs_that_start_at_once_one_gets_the_lease() {
    let database = Database::of_items().await;
    // They also make the tables at once.
    let runs = (0..8).map(|at| {
        let url = &database;
        async move { claimed(url, &claim_of(&format!("run {at}"))).await }
    });
    let outcomes = futures::future::join_all(runs).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
}

#[tokio::test]
async fn fresh_refuses_tables_that_hold_rows_and_replace_empties_them() {
    let database = Database::of_items().await;
    let mut first = Run::new(&database, "first").await;
    first.load(0..5, 1).await.unwrap();
    first.publish().await;
    let mut fresh = claim_of("second");
    fresh.fresh = true;
    let error = claimed(&database, &fresh).await.map(drop).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Config, "not_empty"));
    assert!(error.message().contains("public.items"), "{error}");
    assert_eq!(Run::new(&database, "third").await.range(), 0..5, "the refusal changed nothing");
    tokio::time::sleep(Duration::from_millis(100)).await;

    fresh.replace = true;
    let mut run = loop {
        // The session of the third is on its way out.
        match claimed(&database, &fresh).await {
            Ok(run) => break run,
            Err(error) => assert_eq!(error.code(), "held"),
        }
    };
    assert!(run.entries.is_empty());
    assert_eq!(database.count("items").await, 0);
    assert_eq!(run.load(0..5, 1).await.unwrap(), Recorded::New, "an earlier replay epoch does not count");
    assert_eq!(database.number("SELECT replay_epoch FROM _etl_lease").await, 1);
    run.publish().await;

    // What somebody else has removed may be loaded again without a word.
    database.observer.batch_execute("DROP TABLE items; CREATE TABLE items (id bigint, name text, price float8)").await.unwrap();
    fresh.replace = false;
    assert!(claimed(&database, &fresh).await.unwrap().entries.is_empty());
}

#[tokio::test]
async fn i4_without_a_claim_nothing_is_written_to_the_ledger() {
    let database = Database::of_items().await;
    let pool = database.pool().await;
    pool.prepare(Preparation::new(false, false)).await.unwrap();
    let mut connection = pool.connect().await.unwrap();
    let mut transaction = Pool::begin(&mut connection).await.unwrap();
    transaction.copy_in("items", &[item(1, "a", None)]).await.unwrap();
    transaction.commit().await.unwrap();
    pool.publish(connection).await.unwrap();
    let tables = "SELECT count(*) FROM pg_class WHERE relname LIKE '\\_etl%'";
    assert_eq!((database.count("items").await, database.number(tables).await), (1, 0));
    drop(client(&database.url).await);
}
