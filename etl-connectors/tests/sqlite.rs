//! SQLite: new databases, databases that exist, reading, and the classes of errors.
#![cfg(feature = "sqlite")]

mod common;

use std::fs;
use std::path::Path;

use common::{Blobs, Everything, Item, WANTED, begin, connected, drive, everything, item, listing, record};
use etl_connectors::sqlite;
use etl_core::source::{Source, Wanted};
use etl_core::target::{Abandoned, Preparation, Target, Transaction};
use etl_core::{Class, Error, ErrorKind};
use futures::executor::block_on;
use proptest::prelude::*;

fn existing(path: &Path, sql: &str) {
    rusqlite::Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

/// What `write` does in one transaction, committed and published.
fn written(target: &sqlite::Database, write: impl FnOnce(&mut sqlite::Transaction<'_>) -> Result<(), Error>) -> Result<(), Error> {
    let mut connection = connected(target, false)?;
    let mut transaction = begin(target, &mut connection);
    write(&mut transaction)?;
    block_on(transaction.commit())?;
    block_on(target.publish(connection))
}

#[test]
fn a_new_database_appears_whole_with_tables_of_the_schema() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new.db");
    let target = sqlite::create(&path).unwrap();
    let mut connection = connected(&target, false).unwrap();
    for id in 0..3 {
        let mut transaction = begin(&target, &mut connection);
        transaction.insert("items", &[item(id, "a", None), item(id + 10, "b", Some(1.5))]).unwrap();
        block_on(transaction.commit()).unwrap();
    }
    assert!(!path.exists());
    block_on(target.publish(connection)).unwrap();
    assert_eq!(listing(directory.path()), ["new.db"], "no -wal, no -shm, no -journal");
    let sqlite = rusqlite::Connection::open(&path).unwrap();
    let schema: String = sqlite.query_row("SELECT sql FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!(schema, "CREATE TABLE \"items\" (\"id\" INTEGER NOT NULL, \"name\" TEXT NOT NULL, \"price\" REAL)");
    let count: i64 = sqlite.query_row("SELECT count(*) FROM items", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 6);
    let check: String = sqlite.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
}

#[test]
fn an_abandoned_new_database_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let target = sqlite::create(directory.path().join("new.db")).unwrap();
    let mut connection = connected(&target, false).unwrap();
    let mut transaction = begin(&target, &mut connection);
    transaction.insert("items", &[item(1, "a", None)]).unwrap();
    block_on(transaction.commit()).unwrap();
    assert_eq!(block_on(target.abandon(connection)), Abandoned::Discarded);
    assert!(listing(directory.path()).is_empty());
}

#[test]
fn a_new_database_does_not_replace_another_file_unasked() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new.db");
    fs::write(&path, "precious").unwrap();
    let target = sqlite::create(&path).unwrap();
    let error = connected(&target, false).map(drop).unwrap_err();
    assert_eq!((error.kind(), error.advice()), (ErrorKind::Config, Some("`--replace` replaces it")));
    let connection = connected(&target, true).unwrap();
    block_on(target.publish(connection)).unwrap();
    assert_eq!(listing(directory.path()), ["new.db"]);
    assert!(rusqlite::Connection::open(&path).unwrap().query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).is_ok());
}

#[test]
fn a_new_database_has_one_writer() {
    let directory = tempfile::tempdir().unwrap();
    let target = sqlite::create(directory.path().join("new.db")).unwrap();
    let _first = connected(&target, false).unwrap();
    assert!(block_on(target.connect()).map(drop).unwrap_err().to_string().contains("has a writer already"));
}

#[test]
fn what_is_rolled_back_or_dropped_is_not_there_and_neither_is_its_table() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new.db");
    let target = sqlite::create(&path).unwrap();
    let mut connection = connected(&target, false).unwrap();
    let mut transaction = begin(&target, &mut connection);
    transaction.insert("items", &[item(1, "x", None)]).unwrap();
    block_on(transaction.rollback()).unwrap();
    let mut transaction = begin(&target, &mut connection);
    transaction.insert("others", &[item(2, "y", None)]).unwrap();
    drop(transaction);
    let mut transaction = begin(&target, &mut connection);
    transaction.insert("items", &[item(3, "z", None)]).unwrap();
    block_on(transaction.commit()).unwrap();
    block_on(target.publish(connection)).unwrap();
    assert_eq!(drive(sqlite::read::<Item>(&path, "items").unwrap(), WANTED).unwrap().records, [item(3, "z", None)]);
    let error = drive(sqlite::read::<Item>(&path, "others").unwrap(), WANTED).unwrap_err();
    assert!(error.to_string().contains("no such table"), "{error}");
}

#[test]
fn an_existing_database_keeps_its_tables_and_what_is_committed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("old.db");
    existing(
        &path,
        "CREATE TABLE items (price REAL, id INTEGER PRIMARY KEY, name TEXT, note TEXT); INSERT INTO items VALUES (1, 1, 'old', 'n');",
    );
    let target = sqlite::open(&path).unwrap();
    let mut connection = connected(&target, false).unwrap();
    let mut transaction = begin(&target, &mut connection);
    transaction.insert("items", &[item(2, "new", None)]).unwrap();
    block_on(transaction.commit()).unwrap();
    assert_eq!(block_on(target.abandon(connection)), Abandoned::Kept);
    let all = drive(sqlite::read::<Item>(&path, "items").unwrap(), WANTED).unwrap();
    assert_eq!(all.records, [item(1, "old", Some(1.0)), item(2, "new", None)]);
    assert_eq!(listing(directory.path()), ["old.db"]);
}

#[test]
fn a_database_that_is_not_there_or_is_none_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let text = directory.path().join("text");
    fs::write(&text, "not a database, but long enough to look at its first bytes").unwrap();
    for (path, said) in
        [(directory.path().join("no.db"), "no.db"), (directory.path().to_owned(), "directory"), (text, "not a SQLite database")]
    {
        for look_only in [true, false] {
            let error = block_on(sqlite::open(&path).unwrap().prepare(Preparation::new(false, look_only))).unwrap_err();
            assert_eq!((error.kind(), error.class()), (ErrorKind::Config, Class::Fail));
            assert!(error.to_string().contains(said), "{error}");
        }
        let error = drive(sqlite::read::<Item>(&path, "items").unwrap(), WANTED).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Extraction);
        assert!(error.to_string().contains(said), "{error}");
    }
    assert_eq!(listing(directory.path()), ["text"], "looking makes no file");
}

#[test]
fn a_missing_table_or_column_fails_and_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("old.db");
    existing(&path, "CREATE TABLE items (id, \"na, me\")");
    let target = sqlite::open(&path).unwrap();
    let insert = |table: &str| written(&target, |tx| tx.insert(table, &[item(1, "SECRET", None)])).unwrap_err();
    let error = insert("none");
    assert_eq!((error.class(), error.kind()), (Class::Fail, ErrorKind::Load));
    assert!(error.to_string().contains("cannot insert into `none`: there is no such table"), "{error}");
    let error = insert("items");
    assert_eq!(error.class(), Class::Fail);
    assert!(error.to_string().contains("no column \"name\", \"price\"; it has \"id\", \"na, me\""), "{error}");
}

#[test]
fn constraints_reject_and_never_quote_a_value() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("old.db");
    existing(
        &path,
        "CREATE TABLE keyed (id INTEGER PRIMARY KEY, name TEXT UNIQUE, price REAL NOT NULL CHECK (price > 0));
         CREATE TABLE strict (id INTEGER, name INTEGER, price REAL) STRICT;
         CREATE TABLE watched (id, name, price);
         CREATE TRIGGER watch BEFORE INSERT ON watched BEGIN SELECT RAISE(ABORT, 'SECRET'); END;",
    );
    let target = sqlite::open(&path).unwrap();
    let refused = |table: &str, items: &[Item]| {
        let error = written(&target, |tx| tx.insert(table, items)).unwrap_err();
        assert_eq!((error.class(), error.kind()), (Class::Reject, ErrorKind::Load), "{error}");
        assert!(!format!("{error:?}").contains("SECRET"), "{error}");
        error.to_string()
    };
    let good = item(1, "SECRET", Some(1.0));
    assert!(
        refused("keyed", &[good.clone(), item(1, "b", Some(1.0))])
            .contains("record 2 of 2 in the batch): a primary key is there already (keyed.id)")
    );
    assert!(refused("keyed", &[good.clone(), item(2, "SECRET", Some(1.0))]).contains("UNIQUE constraint is broken (keyed.name)"));
    assert!(refused("keyed", &[item(2, "SECRET", None)]).contains("missing in a NOT NULL column (keyed.price)"));
    assert!(refused("keyed", &[item(2, "SECRET", Some(-1.0))]).contains("CHECK"));
    assert!(refused("strict", std::slice::from_ref(&good)).contains("STRICT"));
    assert!(refused("watched", std::slice::from_ref(&good)).contains("trigger"));
    // none of it is left, and the connection's lock is free
    assert_eq!(drive(sqlite::read::<Item>(&path, "keyed").unwrap(), WANTED).unwrap().records, []);
    written(&target, |tx| tx.insert("keyed", &[good])).unwrap();
}

#[test]
fn a_locked_database_is_an_error_to_retry() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("old.db");
    existing(&path, "CREATE TABLE items (id, name, price)");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let target = sqlite::open(&path).unwrap();
    let mut connection = connected(&target, false).unwrap();
    let error = block_on(sqlite::Database::begin(&mut connection)).map(drop).unwrap_err();
    assert_eq!((error.class(), error.kind()), (Class::Retry, ErrorKind::Unavailable));
    other.execute_batch("COMMIT").unwrap();
    let mut transaction = begin(&target, &mut connection);
    transaction.insert("items", &[item(1, "a", None)]).unwrap();
    block_on(transaction.commit()).unwrap();
}

#[test]
fn numbers_that_sqlite_cannot_hold_are_rejected() {
    #[derive(serde::Serialize)]
    struct Big {
        big: u64,
    }
    record!(Big { big: u64 });
    let directory = tempfile::tempdir().unwrap();
    for serde in [false, true] {
        let target = sqlite::create(directory.path().join("new.db")).unwrap();
        let batch = [Big { big: u64::MAX }];
        let error = written(&target, |tx| if serde { tx.insert_serde("t", &batch) } else { tx.insert("t", &batch) }).unwrap_err();
        assert_eq!(error.class(), Class::Reject);
        assert!(error.to_string().contains("column `big`") && !error.to_string().contains("1844"), "{error}");
    }
}

#[test]
fn statements_run_in_the_transaction_but_do_not_end_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new.db");
    let target = sqlite::create(&path).unwrap();
    let mut connection = connected(&target, false).unwrap();
    let mut transaction = begin(&target, &mut connection);
    transaction.insert("items", &[item(1, "a", None), item(2, "b", None)]).unwrap();
    transaction.execute("CREATE INDEX by_name ON items (name); DELETE FROM items WHERE id = 1").unwrap();
    let error = transaction.execute("SELEC 'SECRET'").unwrap_err();
    assert!(error.class() == Class::Fail && !error.to_string().contains("SECRET"), "{error}");
    block_on(transaction.commit()).unwrap();
    let mut transaction = begin(&target, &mut connection);
    let error = transaction.execute("COMMIT").unwrap_err();
    assert!(error.to_string().contains("ended the transaction"), "{error}");
    assert!(transaction.insert("items", &[item(3, "c", None)]).is_err());
    assert!(block_on(transaction.commit()).is_err());
    block_on(target.publish(connection)).unwrap();
    assert_eq!(drive(sqlite::read::<Item>(&path, "items").unwrap(), WANTED).unwrap().records, [item(2, "b", None)]);
}

#[test]
fn names_may_hold_anything() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new.db");
    let table = "a \"b\"; DROP TABLE x";
    written(&sqlite::create(&path).unwrap(), |tx| tx.insert(table, &[item(1, "a", None)])).unwrap();
    let all = drive(sqlite::read::<Item>(&path, "SELECT * FROM \"a \"\"b\"\"; DROP TABLE x\"").unwrap(), WANTED).unwrap();
    assert_eq!(all.records, [item(1, "a", None)]);
}

#[test]
fn rows_have_places_and_payloads() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("old.db");
    existing(
        &path,
        "CREATE TABLE items (name TEXT, id INTEGER, price REAL); INSERT INTO items VALUES ('a', 1, NULL), (NULL, 2, 1.5), ('c', 3, 2)",
    );
    let all = drive(sqlite::read::<Item>(&path, "items").unwrap(), WANTED).unwrap();
    assert_eq!(all.records, [item(1, "a", None), item(3, "c", Some(2.0))]);
    assert_eq!(all.origins[1].0.partition.as_ref(), format!("{}#items", path.display()));
    assert_eq!(all.codes(), [("field", 1)]);
    assert_eq!(all.malformed[0].1.message, "column `name` has no value");
    assert_eq!(all.malformed[0].2.as_deref(), Some(&br#"{"id":2,"name":null,"price":1.5}"#[..]));
    let serde = drive(sqlite::read_serde::<Item>(&path, "items").unwrap(), WANTED).unwrap();
    assert_eq!((serde.records, serde.malformed.len()), (all.records, 1));
}

#[test]
fn values_of_other_types_are_malformed_and_not_converted() {
    #[derive(Debug, PartialEq)]
    struct Typed {
        a: i8,
        b: bool,
        c: f64,
        d: String,
    }
    record!(Typed { a: i8, b: bool, c: f64, d: String });
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("old.db");
    existing(
        &path,
        "CREATE TABLE t (a, b, c, d);
         INSERT INTO t VALUES (1, 1, 1, 'x'), (128, 0, 0, ''), ('1', 0, 0, ''), (1, 2, 0, ''), (1.0, 0, 0, ''),
             (0, 0, 9007199254740993, ''), (0, 0, '1', ''), (0, 0, 0, 5), (0, 0, 0, x'ff'), (0, 0, 0, CAST(x'ff' AS TEXT))",
    );
    let all = drive(sqlite::read::<Typed>(&path, "t").unwrap(), WANTED).unwrap();
    assert_eq!(all.records, [Typed { a: 1, b: true, c: 1.0, d: "x".into() }]);
    let said: Vec<_> = all.malformed.iter().map(|(_, malformed, _)| (malformed.code, malformed.message.as_ref())).collect();
    assert_eq!(
        said,
        [
            ("field", "column `a` is out of the range of i8"),
            ("field", "column `a` is not of type i8"),
            ("field", "column `b` is not of type bool"),
            ("field", "column `a` is not of type i8"),
            ("field", "column `c` is out of the range of f64"),
            ("field", "column `c` is not of type f64"),
            ("field", "column `d` is not of type text"),
            ("field", "column `d` is not of type text"),
            ("not_utf8", "column `d` is not valid UTF-8"),
        ]
    );
}

#[test]
fn queries_that_cannot_be_read_say_why() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("old.db");
    existing(
        &path,
        "CREATE TABLE items (id, name, price); CREATE VIEW seen AS SELECT * FROM items; INSERT INTO items VALUES (1, 'a', NULL)",
    );
    let refused = |query: &str| drive(sqlite::read::<Item>(&path, query).unwrap(), WANTED).unwrap_err().to_string();
    assert!(refused("SELEC * FROM items").contains("syntax error"));
    assert!(refused("SELECT id, nam FROM items").contains("no such column: nam"));
    assert!(refused("SELECT id FROM items").contains("there is no column \"name\", \"price\": there are \"id\""));
    assert!(refused("SELECT *, id FROM items").contains("more than one column `id`"));
    assert!(refused("DELETE FROM items RETURNING *").contains("changes the database"));
    assert!(refused("COMMIT TRANSACTION").contains("no columns"));
    for query in ["items", "seen", "SELECT * FROM items ORDER BY id", "with x as (select * from items) select * from x"] {
        assert_eq!(drive(sqlite::read::<Item>(&path, query).unwrap(), WANTED).unwrap().records, [item(1, "a", None)]);
    }
    let replayable = |query: &str| sqlite::read::<Item>(&path, query).unwrap().info().replayable;
    assert!(replayable("items") && replayable("select * from items order  by id") && !replayable("select * from items"));
}

#[test]
fn many_rows_come_in_chunks_and_a_reader_can_be_left() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new.db");
    let items: Vec<_> = (0..10_000).map(|id| item(id, "abc", Some(id as f64))).collect();
    written(&sqlite::create(&path).unwrap(), |tx| tx.insert("items", &items)).unwrap();
    let all = drive(sqlite::read::<Item>(&path, "items").unwrap(), Wanted::new(300, 1 << 20)).unwrap();
    assert_eq!((all.records, all.chunks), (items, 34));
    let endless = "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT id, 'a' AS name, NULL AS price FROM n";
    let mut source = sqlite::read::<Item>(&path, endless).unwrap();
    assert!(block_on(source.read(WANTED)).unwrap().is_some());
    drop(source);
}

#[test]
fn blobs_and_every_text_are_read_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new.db");
    let blobs = vec![Blobs { id: 1, blob: (0..=255).collect(), maybe_blob: Some(vec![]) }, Blobs { id: 2, blob: vec![], maybe_blob: None }];
    written(&sqlite::create(&path).unwrap(), |tx| {
        tx.insert("codec", &blobs)?;
        tx.insert_serde("serde", &blobs)
    })
    .unwrap();
    for table in ["codec", "serde"] {
        assert_eq!(drive(sqlite::read::<Blobs>(&path, table).unwrap(), WANTED).unwrap().records, blobs);
        assert_eq!(drive(sqlite::read_serde::<Blobs>(&path, table).unwrap(), WANTED).unwrap().records, blobs);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn what_was_inserted_is_read_back(records in prop::collection::vec(everything(), 1..30)) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new.db");
        written(&sqlite::create(&path).unwrap(), |tx| {
            tx.insert("codec", &records)?;
            tx.insert_serde("serde", &records)
        }).unwrap();
        for table in ["codec", "serde"] {
            let all = drive(sqlite::read::<Everything>(&path, table).unwrap(), WANTED).unwrap();
            prop_assert_eq!(&all.records, &records, "{:?}", all.malformed);
            let all = drive(sqlite::read_serde::<Everything>(&path, table).unwrap(), WANTED).unwrap();
            prop_assert_eq!(&all.records, &records, "{:?}", all.malformed);
        }
    }
}

mod going_on {
    use etl_core::position::Cursor;
    use etl_core::source::{Sameness, Source, Wanted};

    use super::*;

    /// Reads from a place: the ids, and the place behind each chunk.
    fn read(path: &Path, query: &str, from: Option<Cursor>, records: usize) -> Result<(Vec<i64>, Vec<Cursor>), Error> {
        let mut source = sqlite::read::<Item>(path, query).unwrap();
        let (mut ids, mut ends) = (Vec::new(), Vec::new());
        let mut next = from.map_or(0, |from| from.ordinal);
        if let Some(from) = from {
            assert_eq!(block_on(source.seek(from))?, from);
        }
        while let Some(chunk) = block_on(source.read(Wanted::new(records, 1 << 20)))? {
            let decoded = chunk.decode();
            assert_eq!(decoded.origin.position(0).ordinal, next);
            next += decoded.records.len() as u64;
            ids.extend(decoded.records.iter().map(|item| item.id));
            ends.push(decoded.origin.end(decoded.records.len() as u32));
        }
        Ok((ids, ends))
    }

    const TABLE: &str = "CREATE TABLE items (id INTEGER, name TEXT, price REAL);
        INSERT INTO items (rowid, id, name) VALUES (-5, 0, 'a'), (2, 1, 'b'), (3, 2, 'c'), (9, 3, 'd'), (11, 4, 'e');";

    /// I2: from every place, the rest.
    #[test]
    fn a_table_and_a_query_go_on_at_any_row() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("in.db");
        existing(&path, &format!("{TABLE} CREATE TABLE keyed (id INTEGER PRIMARY KEY, name TEXT, price REAL) WITHOUT ROWID; INSERT INTO keyed SELECT * FROM items;
            CREATE TABLE hidden (rowid TEXT, id INTEGER, name TEXT, price REAL); INSERT INTO hidden SELECT 'x', * FROM items;"));
        for query in ["items", "SELECT * FROM items ORDER BY id", "keyed", "hidden"] {
            for records in 1..7 {
                let (ids, ends) = read(&path, query, None, records).unwrap();
                assert_eq!(ids, [0, 1, 2, 3, 4], "{query}");
                for end in ends {
                    assert_eq!(read(&path, query, Some(end), 2).unwrap().0, ids[end.ordinal as usize..], "{query} {end:?}");
                }
            }
        }
    }

    /// I1: rows that were not read are never taken for rows that were.
    #[test]
    fn a_table_that_has_changed_before_the_place_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let place = |path: &Path| read(path, "items", None, 3).unwrap().1[0];
        for (number, (change, code)) in [
            ("INSERT INTO items (rowid, id, name) VALUES (12, 5, 'f')", None),
            ("UPDATE items SET name = 'x'", None),
            ("DELETE FROM items WHERE rowid = 2", Some("source_changed")),
            ("DELETE FROM items WHERE id < 3", Some("source_changed")),
            ("DELETE FROM items", Some("source_changed")),
            ("INSERT INTO items (rowid, id, name) VALUES (0, 5, 'f')", Some("source_changed")),
        ]
        .into_iter()
        .enumerate()
        {
            let path = directory.path().join(format!("{number}.db"));
            existing(&path, TABLE);
            let from = place(&path);
            existing(&path, change);
            let rest = read(&path, "items", Some(from), 100);
            assert_eq!(rest.err().map(|error| error.code()), code, "{change}");
        }
    }

    #[test]
    fn identities_tell_tables_and_queries_apart() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("in.db");
        existing(&path, TABLE);
        let of = |query: &str, head| sqlite::read::<Item>(&path, query).unwrap().identity(head).unwrap().unwrap();
        let (table, query) = (of("items", None), of("SELECT * FROM items ORDER BY id", None));
        assert_eq!((table.length, table.head), (11, 5));
        existing(&path, "INSERT INTO items (id, name) VALUES (5, 'f')");
        assert_eq!(of("items", Some(table.head)).compare(&table), Sameness::Same);
        assert_eq!(of("SELECT * FROM items ORDER BY id", Some(query.head)).compare(&query), Sameness::Same);
        assert_eq!(of("SELECT * FROM items ORDER BY name", Some(query.head)).compare(&query), Sameness::Other);
        existing(&path, "DELETE FROM items WHERE id = 0");
        assert_eq!(of("items", Some(table.head)).compare(&table), Sameness::Other, "the first rows are gone");
        existing(&path, "DELETE FROM items WHERE id > 2");
        assert_eq!(of("items", Some(table.head)).compare(&table), Sameness::Shorter);
    }
}

#[test]
fn i5_a_connection_that_is_made_anew_is_in_no_transaction_and_keeps_the_claim() {
    use etl_core::target::{Claim, Target, Transaction as _};

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.db");
    existing(&path, "CREATE TABLE t (a INTEGER)");
    let database = sqlite::open(&path).unwrap();
    let mut connection = futures::executor::block_on(database.connect()).unwrap();
    futures::executor::block_on(database.claim(&mut connection, &Claim::new("p", "run"))).unwrap();
    let mut half = futures::executor::block_on(sqlite::Database::begin(&mut connection)).unwrap();
    half.execute("INSERT INTO t VALUES (1)").unwrap();
    // As one whose rollback could not be waited for.
    std::mem::forget(half);
    futures::executor::block_on(database.reconnect(&mut connection)).unwrap();
    let mut whole = futures::executor::block_on(sqlite::Database::begin(&mut connection)).unwrap();
    whole.execute("INSERT INTO t VALUES (2)").unwrap();
    futures::executor::block_on(whole.commit()).unwrap();
    futures::executor::block_on(database.renew(&mut connection)).unwrap();
    let rows: Vec<i64> = rusqlite::Connection::open(&path)
        .unwrap()
        .prepare("SELECT a FROM t")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(rows, [2]);
}
