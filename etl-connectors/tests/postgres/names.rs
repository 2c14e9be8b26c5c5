//! Names go through one type, whatever is in them.

use etl_connectors::postgres::{Ident, IntoTable};
use proptest::prelude::*;

use crate::common::item;
use crate::support::{Database, Run};
use etl_core::target::Transaction;

/// Names with everything that quoting could stumble over.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::string::string_regex("[\"'\\\\;.$% a-zA-Z\u{e4}\u{4e16}\n\t-]{1,20}").unwrap(),
        proptest::string::string_regex("[^\\x00]{1,15}").unwrap(),
        Just("select".to_owned()),
        Just("\"; DROP TABLE items; --".to_owned()),
        Just("x".repeat(63)),
    ]
}

#[test]
fn quoted_names_round_trip_through_the_server() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let database = runtime.block_on(Database::with("CREATE SCHEMA odd"));
    proptest!(ProptestConfig::with_cases(200), |(table in name(), column in name())| {
        let (schema_table, ident) = (("odd", table.as_str()).into_table().unwrap(), Ident::new(&column).unwrap());
        let make = format!("CREATE TABLE {schema_table} ({ident} int)");
        let (relation, attribute): (String, String) = runtime.block_on(async {
            database.observer.batch_execute(&make).await.unwrap();
            let sql = "SELECT relname::text, attname::text FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
                       WHERE attnum = 1 AND relnamespace = 'odd'::regnamespace AND c.oid = to_regclass($1)";
            let row = database.observer.query_one(sql, &[&schema_table.to_string()]).await.unwrap();
            database.observer.batch_execute(&format!("DROP TABLE {schema_table}")).await.unwrap();
            (row.get(0), row.get(1))
        });
        prop_assert_eq!(relation, table);
        prop_assert_eq!(attribute, column);
    });
}

#[tokio::test]
async fn a_dot_is_a_letter_and_a_schema_is_said_apart() {
    let database = Database::with(
        "CREATE SCHEMA raw;
         CREATE TABLE raw.items (id bigint, name text, price float8);
         CREATE TABLE \"raw.items\" (id bigint, name text, price float8)",
    )
    .await;
    let mut run = Run::new(&database, "a").await;
    let mut transaction = run.begin().await;
    transaction.copy_in("raw.items", &[item(1, "a", None)]).await.unwrap();
    transaction.copy_in(("raw", "items"), &[item(1, "a", None), item(2, "b", None)]).await.unwrap();
    assert!(transaction.copy_in("", &[item(1, "a", None)]).await.is_err());
    transaction.commit().await.unwrap();
    assert_eq!((database.count("raw.items").await, database.count("\"raw.items\"").await), (2, 1));
}
