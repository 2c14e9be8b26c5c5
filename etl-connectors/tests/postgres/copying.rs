//! What is written, and that it is what was given.

use etl_connectors::postgres::Pool;
use etl_core::target::{Target, Transaction};
use etl_core::{Class, ErrorKind};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::common::{Blobs, Everything, Item, everything, item, record};
use crate::support::{Database, Run};

const EVERYTHING: &str = "CREATE TABLE everything (
    hidden text, maybe_text varchar(50), maybe_double float8, maybe_number bigint, maybe_truth boolean, compact text, text text,
    double float8, single float4, ularge numeric, umedium bigint, usmall integer, utiny smallint,
    large bigint, medium integer, small smallint, tiny smallint, truth boolean, extra text DEFAULT 'default')";

#[tokio::test]
async fn records_of_every_type_are_what_they_were() {
    let database = Database::with(EVERYTHING).await;
    let mut runner = TestRunner::deterministic();
    let records: Vec<Everything> = (0..300)
        .map(|_| everything().new_tree(&mut runner).unwrap().current())
        // The server keeps no NUL in a text.
        .filter(|record| !record.text.contains('\0') && !record.compact.contains('\0') && !record.hidden.reveal().contains('\0'))
        .collect();
    let mut run = Run::new(&database, "a").await;
    let mut transaction = run.begin().await;
    transaction.copy_in("everything", &records).await.unwrap();
    transaction.commit().await.unwrap();
    let rows = database.observer.query("SELECT *, ularge::text AS ularge_text FROM everything ORDER BY ctid", &[]).await.unwrap();
    assert_eq!(rows.len(), records.len());
    for (row, record) in rows.iter().zip(&records) {
        let read = Everything {
            truth: row.get("truth"),
            tiny: row.get::<_, i16>("tiny") as i8,
            small: row.get("small"),
            medium: row.get("medium"),
            large: row.get("large"),
            utiny: row.get::<_, i16>("utiny") as u8,
            usmall: row.get::<_, i32>("usmall") as u16,
            umedium: row.get::<_, i64>("umedium") as u32,
            ularge: row.get::<_, String>("ularge_text").parse().unwrap(),
            single: row.get("single"),
            double: row.get("double"),
            text: row.get("text"),
            compact: row.get::<_, String>("compact").into(),
            maybe_truth: row.get("maybe_truth"),
            maybe_number: row.get("maybe_number"),
            maybe_double: row.get("maybe_double"),
            maybe_text: row.get("maybe_text"),
            hidden: row.get::<_, String>("hidden").into(),
        };
        assert_eq!(&read, record);
        assert_eq!(row.get::<_, String>("extra"), "default");
    }
}

#[tokio::test]
async fn bytes_and_pieces_larger_than_a_buffer_are_copied() {
    let database = Database::with("CREATE TABLE blobs (maybe_blob bytea, blob bytea NOT NULL, id int)").await;
    let mut run = Run::new(&database, "a").await;
    let records: Vec<Blobs> = (0..40)
        .map(|id| Blobs { id, blob: vec![id as u8; id as usize * 9_999], maybe_blob: (id % 2 == 0).then(|| vec![0, 255]) })
        .collect();
    let mut transaction = run.begin().await;
    transaction.copy_in("blobs", &records).await.unwrap();
    transaction.copy_in("blobs", &records[..0]).await.unwrap();
    transaction.commit().await.unwrap();
    for row in database.observer.query("SELECT id, blob, maybe_blob FROM blobs", &[]).await.unwrap() {
        let id: i32 = row.get(0);
        assert_eq!(row.get::<_, &[u8]>(1), records[id as usize].blob);
        assert_eq!(row.get::<_, Option<Vec<u8>>>(2), records[id as usize].maybe_blob);
    }
    assert_eq!(database.count("blobs").await, 40);
}

struct Texts {
    day: String,
    moment: String,
    zoned: Option<String>,
    amount: String,
    key: String,
    document: String,
    plain_document: String,
    mood: String,
    code: String,
    short: String,
}

record!(Texts {
    day: String,
    moment: String,
    zoned: Option<String>,
    amount: String,
    key: String,
    document: String,
    plain_document: String,
    mood: String,
    code: String,
    short: String,
});

fn texts() -> Texts {
    Texts {
        day: "2013-02-28".into(),
        moment: "2013-02-28T05:17:00.250001".into(),
        zoned: Some("0099-12-31 23:59:59+01:30".into()),
        amount: "-1234567.8900".into(),
        key: "123e4567-e89b-12d3-a456-426614174000".into(),
        document: "{\"a\": [1, 2]}".into(),
        plain_document: "{\"b\" : 1}".into(),
        mood: "good".into(),
        code: "abc".into(),
        short: "ab".into(),
    }
}

const TEXTS: &str = "
    CREATE TYPE mood AS ENUM ('good', 'bad');
    CREATE DOMAIN code AS text CHECK (VALUE ~ '^[a-z]+$');
    CREATE TABLE texts (day date, moment timestamp, zoned timestamptz, amount numeric(12, 4), key uuid, document jsonb,
                        plain_document json, mood mood, code code, short char(3));
    SET timezone = 'UTC'";

#[tokio::test]
async fn texts_become_what_their_columns_keep() {
    let database = Database::with(TEXTS).await;
    let mut run = Run::new(&database, "a").await;
    let mut transaction = run.begin().await;
    transaction.copy_in("texts", &[texts()]).await.unwrap();
    transaction.commit().await.unwrap();
    let sql = "SELECT concat_ws('|', day, moment, zoned, amount, key, document, plain_document, mood, code, short || '.') FROM texts";
    let shown: String = database.observer.query_one(sql, &[]).await.unwrap().get(0);
    assert_eq!(
        shown,
        "2013-02-28|2013-02-28 05:17:00.250001|0099-12-31 22:29:59+00|-1234567.8900|123e4567-e89b-12d3-a456-426614174000|{\"a\": [1, 2]}|{\"b\" : 1}|good|abc|ab."
    );
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_rejected_without_being_shown() {
    let database = Database::with(TEXTS).await;
    let mut run = Run::new(&database, "a").await;
    for (broken, said) in [
        (Texts { day: "canary-1".into(), ..texts() }, "column \"day\": a text is not in the form of date"),
        (Texts { moment: "canary-2".into(), ..texts() }, "column \"moment\""),
        (Texts { zoned: Some("canary-3".into()), ..texts() }, "column \"zoned\""),
        (Texts { amount: "canary-4".into(), ..texts() }, "numeric(12,4)"),
        (Texts { key: "canary-5".into(), ..texts() }, "uuid"),
        (Texts { amount: "123456789012.3".into(), ..texts() }, "SQLSTATE 22003"),
        (Texts { document: "{canary-6".into(), ..texts() }, "SQLSTATE 22P02"),
        (Texts { mood: "canary-7".into(), ..texts() }, "SQLSTATE 22P02"),
        (Texts { code: "canary-8".into(), ..texts() }, "SQLSTATE 23514"),
        (Texts { short: "canary-9".into(), ..texts() }, "SQLSTATE 22001"),
        (Texts { short: "\0".into(), ..texts() }, "SQLSTATE 22021"),
    ] {
        let mut transaction = run.begin().await;
        let error = transaction.copy_in("texts", &[texts(), broken]).await.unwrap_err();
        assert_eq!((error.class(), error.code()), (Class::Reject, "postgres_rejected"), "{error}");
        assert!(error.to_string().contains(said), "{error}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        transaction.rollback().await.unwrap();
    }
    assert_eq!(database.count("texts").await, 0);
}

struct Wide {
    id: u64,
    small: i64,
}

record!(Wide { id: u64, small: i64 });

#[tokio::test]
async fn a_number_that_a_column_cannot_hold_is_rejected() {
    let database = Database::with("CREATE TABLE wide (id bigint, small smallint)").await;
    let mut run = Run::new(&database, "a").await;
    for (record, column) in [(Wide { id: u64::MAX, small: 0 }, "id"), (Wide { id: 1, small: 32_768 }, "small")] {
        let mut transaction = run.begin().await;
        let error = transaction.copy_in("wide", &[record]).await.unwrap_err();
        assert_eq!(error.class(), Class::Reject);
        assert!(error.to_string().contains(&format!("column \"{column}\": a number is out of the range of")), "{error}");
        transaction.rollback().await.unwrap();
    }
    let mut transaction = run.begin().await;
    transaction.copy_in("wide", &[Wide { id: i64::MAX as u64, small: -32_768 }]).await.unwrap();
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn what_does_not_fit_is_told_at_the_first_batch_and_all_at_once() {
    let database = Database::with(
        "CREATE TABLE items (id text, price int, needed int NOT NULL, given int NOT NULL DEFAULT 1, number int GENERATED ALWAYS AS IDENTITY)",
    )
    .await;
    let mut run = Run::new(&database, "a").await;
    let mut transaction = run.begin().await;
    let error = transaction.copy_in("items", &[item(1, "a", None)]).await.unwrap_err();
    assert_eq!((error.class(), error.kind()), (Class::Fail, ErrorKind::Load));
    assert_eq!(
        error.causes().collect::<Vec<_>>(),
        [
            "the column \"id\" is text, which takes no field of type i64",
            "it has no column \"name\"",
            "the column \"price\" is integer, which takes no field of type f64",
            "its column \"needed\" is NOT NULL without a default, and the record has no such field",
        ]
    );
    transaction.rollback().await.unwrap();
    let mut transaction = run.begin().await;
    let error = transaction.copy_in("nothing", &[item(1, "a", None)]).await.unwrap_err();
    assert_eq!((error.class(), error.code()), (Class::Fail, "postgres_no_table"));
}

#[tokio::test]
async fn an_upsert_updates_what_is_there_and_the_last_of_a_key_wins() {
    let database = Database::of_items().await;
    database.observer.batch_execute("INSERT INTO items VALUES (1, 'old', 1), (2, 'kept', 2)").await.unwrap();
    let mut run = Run::new(&database, "a").await;
    let mut transaction = run.begin().await;
    transaction.upsert("items", &["id"], &[item(1, "new", None), item(3, "first", None), item(3, "last", Some(3.0))]).await.unwrap();
    transaction.upsert("items", &["id"], &[item(4, "more", None)]).await.unwrap();
    transaction.commit().await.unwrap();
    let rows = database.observer.query("SELECT id, name, price FROM items ORDER BY id", &[]).await.unwrap();
    let read: Vec<Item> = rows.iter().map(|row| item(row.get(0), row.get(1), row.get(2))).collect();
    assert_eq!(read, [item(1, "new", None), item(2, "kept", Some(2.0)), item(3, "last", Some(3.0)), item(4, "more", None)]);

    let mut transaction = run.begin().await;
    let error = transaction.upsert("items", &["price"], &[item(1, "a", None)]).await.unwrap_err();
    assert!(error.to_string().contains("42P10, no unique index has exactly these columns"), "{error}");
    transaction.rollback().await.unwrap();
    let mut transaction = run.begin().await;
    let error = transaction.upsert("items", &["nothing"], &[item(1, "a", None)]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[tokio::test]
async fn statements_run_in_the_transaction_and_may_not_end_it() {
    let database = Database::of_items().await;
    let mut run = Run::new(&database, "a").await;
    let mut transaction = run.begin().await;
    transaction.copy_in("items", &[item(1, "a", None)]).await.unwrap();
    transaction.execute("ALTER TABLE items ALTER COLUMN price TYPE real; UPDATE items SET name = 'b'").await.unwrap();
    // The altered table is looked at again.
    let error = transaction.copy_in("items", &[item(2, "a", None)]).await.unwrap_err();
    assert!(error.to_string().contains("\"price\" is real, which takes no field of type f64"), "{error}");
    transaction.rollback().await.unwrap();
    assert_eq!(database.count("items").await, 0);

    let mut transaction = run.begin().await;
    let error = transaction.execute("COMMIT").await.unwrap_err();
    assert!(error.advice().unwrap().contains("leave COMMIT and ROLLBACK out"), "{error}");
    assert!(transaction.commit().await.is_err());
    Pool::begin(&mut run.connection).await.unwrap().commit().await.unwrap();
}
