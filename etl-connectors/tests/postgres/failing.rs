//! Errors: their classes, and that they hold no content of a record (I8).

use etl_connectors::postgres::{self, Pool};
use etl_core::record::Secret;
use etl_core::target::{Preparation, Target, Transaction};
use etl_core::{Class, Error, ErrorKind};

use crate::common::{Item, item};
use crate::support::{Database, Run, client, until};

/// Every word of an error.
fn words(error: &Error) -> String {
    format!("{error:?} {error} {:?} {:?}", error.advice(), error.causes().collect::<Vec<_>>())
}

async fn refused(run: &mut Run, records: &[Item]) -> Error {
    let mut transaction = run.begin().await;
    let error = transaction.copy_in("items", records).await.unwrap_err();
    transaction.rollback().await.unwrap();
    error
}

#[tokio::test]
async fn i8_broken_constraints_are_named_and_the_record_is_not() {
    let database = Database::of_items().await;
    database
        .observer
        .batch_execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 RAISE NOTICE 'canary notice %', new.name;
                 IF new.name = 'canary raise' THEN RAISE EXCEPTION 'canary %', new.name USING DETAIL = new.name, HINT = new.name; END IF;
                 RETURN new;
             END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION refuse()",
        )
        .await
        .unwrap();
    let mut run = Run::new(&database, "a").await;
    let error = refused(&mut run, &[item(7, "canary a", None), item(7, "canary b", None)]).await;
    assert_eq!((error.class(), error.kind()), (Class::Reject, ErrorKind::Load));
    assert_eq!(
        error.to_string(),
        "cannot copy into public.items: SQLSTATE 23505, a key is there already, constraint \"items_pkey\", table \"items\""
    );
    assert!(!words(&error).contains("canary"));

    let error = refused(&mut run, &[item(1, "bad", None)]).await;
    assert_eq!(error.class(), Class::Reject);
    assert!(error.to_string().contains("23514, a CHECK constraint is broken, constraint \"items_name_check\""), "{error}");

    let error = refused(&mut run, &[item(1, "canary raise", None)]).await;
    assert_eq!(error.class(), Class::Fail);
    assert!(!words(&error).contains("canary"), "{}", words(&error));
}

#[tokio::test]
async fn i8_a_connection_string_is_in_no_error() {
    let database = Database::of_items().await;
    let (_, options) = database.url.split_once('?').unwrap();
    for (url, kind, class) in [
        (format!("postgresql://ann:canary@/nothing-here?{options}"), ErrorKind::Config, Class::Fail),
        ("postgresql://ann:canary@127.0.0.1:1/x".to_owned(), ErrorKind::Unavailable, Class::Retry),
        ("postgresql://ann:canary@127.0.0.1:1/x?sslmode=require".to_owned(), ErrorKind::Config, Class::Fail),
    ] {
        let error = postgres::connect(&Secret::new(url)).await.map(drop).unwrap_err();
        assert_eq!((error.kind(), error.class()), (kind, class), "{error}");
        assert!(!words(&error).contains("canary"), "{}", words(&error));
    }
    let pool = database.pool().await;
    assert!(!format!("{pool:?}").contains("user"), "{pool:?}");
}

#[tokio::test]
async fn a_missing_privilege_and_a_read_only_server_are_told_before_a_record_moves() {
    let database = Database::of_items().await;
    let role = format!("reader_{}", std::process::id());
    database.observer.batch_execute(&format!("CREATE ROLE {role} LOGIN; GRANT INSERT ON items TO {role}")).await.unwrap();
    let url = database.url.replace("user=etl", &format!("user={role}"));
    let pool = postgres::connect(&Secret::new(url)).await.unwrap();
    let error = pool.prepare(Preparation::new(false, true)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().ends_with("has no ledger, and the role may not make one"), "{error}");
    // With tables that another has made it may.
    database.observer.batch_execute(postgres::TABLES).await.unwrap();
    database.observer.batch_execute(&format!("GRANT ALL ON _etl_lease, _etl_ledger, _etl_stage TO {role}")).await.unwrap();
    pool.prepare(Preparation::new(false, true)).await.unwrap();

    let url = format!("{}&options=-c%20default_transaction_read_only%3Don", database.url);
    let pool = postgres::connect(&Secret::new(url)).await.unwrap();
    let error = pool.prepare(Preparation::new(false, true)).await.unwrap_err();
    assert!(error.to_string().ends_with("takes no writes"), "{error}");
}

#[tokio::test]
async fn a_lock_that_is_not_given_up_is_retried() {
    let database = Database::of_items().await;
    let other = client(&database.url).await;
    other.batch_execute("BEGIN; LOCK TABLE items").await.unwrap();
    let pool =
        postgres::options().lock_timeout(std::time::Duration::from_millis(50)).connect(&Secret::new(database.url.clone())).await.unwrap();
    let mut connection = pool.connect().await.unwrap();
    let mut transaction = Pool::begin(&mut connection).await.unwrap();
    let error = transaction.copy_in("items", &[item(1, "a", None)]).await.unwrap_err();
    assert_eq!((error.class(), error.code()), (Class::Retry, "postgres_locked"), "{error}");
    transaction.rollback().await.unwrap();
    other.batch_execute("ROLLBACK").await.unwrap();
    let mut transaction = Pool::begin(&mut connection).await.unwrap();
    transaction.copy_in("items", &[item(1, "a", None)]).await.unwrap();
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn answers_stay_in_step_after_a_copy_that_was_refused_before_it_began() {
    let database = Database::of_items().await;
    let mut run = Run::new(&database, "a").await;
    run.load(0..1, 1).await.unwrap();
    for round in 1..20 {
        // The table is gone between its binding and the copy.
        database.observer.batch_execute("ALTER TABLE items RENAME TO away").await.unwrap();
        let mut transaction = run.begin().await;
        let error = transaction.copy_in("items", &[item(2, "a", None)]).await.unwrap_err();
        assert_eq!(error.class(), Class::Fail, "{error}");
        transaction.rollback().await.unwrap();
        database.observer.batch_execute("ALTER TABLE away RENAME TO items").await.unwrap();
        // Every commit that is answered is one.
        run.load(round * 10..round * 10 + 3, round + 1).await.unwrap();
        assert_eq!(database.count("items").await, 1 + 3 * round as i64);
    }
}

#[tokio::test]
async fn a_failed_transaction_cannot_be_committed_though_the_server_would_say_yes() {
    let database = Database::of_items().await;
    let mut run = Run::new(&database, "a").await;
    let mut transaction = run.begin().await;
    transaction.copy_in("items", &[item(1, "a", None)]).await.unwrap();
    // A loader that swallows the error.
    transaction.copy_in("items", &[item(2, "bad", None)]).await.unwrap_err();
    let error = transaction.commit().await.unwrap_err();
    assert_eq!(error.message(), "an earlier statement of the transaction failed");
    assert_eq!(database.count("items").await, 0);
}

#[tokio::test]
async fn savepoints_keep_the_good_part_of_a_batch() {
    let database = Database::of_items().await;
    let mut run = Run::new(&database, "a").await;
    let mut transaction = run.begin().await;
    transaction.savepoint().await.unwrap();
    transaction.copy_in("items", &[item(1, "a", None), item(2, "bad", None)]).await.unwrap_err();
    transaction.roll_back_to_savepoint().await.unwrap();
    for record in [item(1, "a", None), item(2, "bad", None), item(3, "c", None)] {
        transaction.savepoint().await.unwrap();
        match transaction.copy_in("items", &[record]).await {
            Ok(()) => transaction.release_savepoint().await.unwrap(),
            Err(error) => {
                assert_eq!(error.class(), Class::Reject);
                transaction.roll_back_to_savepoint().await.unwrap();
            }
        }
    }
    transaction.commit().await.unwrap();
    assert_eq!(database.ids().await, [1, 3]);
}

#[tokio::test]
async fn a_lost_connection_is_retried_and_the_next_transaction_has_a_new_one() {
    let database = Database::of_items().await;
    let mut run = Run::new(&database, "a").await;
    let mut transaction = run.begin().await;
    transaction.copy_in("items", &[item(1, "a", None)]).await.unwrap();
    database.end_sessions().await;
    let error = transaction.copy_in("items", &[item(2, "a", None)]).await.unwrap_err();
    assert_eq!((error.class(), error.kind()), (Class::Retry, ErrorKind::Unavailable), "{error}");
    transaction.rollback().await.unwrap();
    until(async || database.open_transactions().await == 0).await;
    run.load(0..3, 1).await.unwrap();
    assert_eq!(database.ids().await, [0, 1, 2]);
}
