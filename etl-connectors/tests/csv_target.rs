//! Writing CSV: what is quoted, what has no form, what serde leaves out.
#![cfg(feature = "csv")]

mod common;

use std::fs;

use common::{Blobs, WANTED, begin, connected, drive, record, written};
use etl_connectors::csv;
use etl_core::ErrorKind;
use proptest::prelude::*;

#[test]
fn bytes_are_refused() {
    let error = csv::create::<Blobs>("out.csv").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("`blob`"), "{error}");
    let directory = tempfile::tempdir().unwrap();
    let target = csv::create_serde::<Blobs>(directory.path().join("out")).unwrap();
    let mut connection = connected(&target, false).unwrap();
    let mut writer = begin(&target, &mut connection);
    let error = writer.write(&[Blobs { id: 1, blob: vec![1], maybe_blob: None }]).unwrap_err();
    assert!(error.to_string().contains("`blob`"), "{error}");
}

#[test]
fn numbers_that_are_none_read_back() {
    #[derive(Debug, Clone)]
    struct Floats {
        a: f64,
        b: f32,
    }
    record!(Floats { a: f64, b: f32 });
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    let batch = vec![Floats { a: f64::NAN, b: f32::NEG_INFINITY }, Floats { a: f64::MIN_POSITIVE, b: -0.0 }];
    written!(csv::create::<Floats>(&path).unwrap(), [&batch]);
    let all = drive(csv::read::<Floats>(&path).unwrap(), WANTED).unwrap();
    assert!(all.records[0].a.is_nan() && all.records[0].b == f32::NEG_INFINITY);
    assert!(all.records[1].a == f64::MIN_POSITIVE && all.records[1].b.is_sign_negative());
}

proptest! {
    /// What is quoted, and how, is what the `csv` crate writes.
    #[test]
    fn lines_are_those_of_the_csv_crate(records in prop::collection::vec(("[a,\"\n\r; ']{0,6}", "[a-z]{0,3}"), 1..10)) {
        #[derive(serde::Serialize)]
        struct Pair {
            a: String,
            b: String,
        }
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out");
        let records: Vec<_> = records.into_iter().map(|(a, b)| Pair { a, b }).collect();
        written!(csv::create_serde::<Pair>(&path).unwrap(), [&records]);
        let mut theirs = ::csv::WriterBuilder::new().from_writer(Vec::new());
        records.iter().for_each(|pair| theirs.serialize(pair).unwrap());
        prop_assert_eq!(String::from_utf8(fs::read(&path).unwrap()).unwrap(), String::from_utf8(theirs.into_inner().unwrap()).unwrap());
    }
}

#[test]
fn a_record_of_one_empty_field_is_not_lost() {
    #[derive(Debug, Clone, PartialEq, serde::Serialize)]
    struct One {
        a: Option<i64>,
    }
    record!(One { a: Option<i64> });
    let directory = tempfile::tempdir().unwrap();
    let batch = vec![One { a: None }, One { a: Some(1) }, One { a: None }];
    for (name, target) in
        [("codec", csv::create::<One>(directory.path().join("codec"))), ("serde", csv::create_serde(directory.path().join("serde")))]
    {
        written!(target.unwrap(), [&batch]);
        let all = drive(csv::read::<One>(directory.path().join(name)).unwrap(), WANTED).unwrap();
        assert_eq!(all.records, batch);
    }
}

#[test]
fn serde_types_that_are_no_rows_are_refused_in_words() {
    #[derive(serde::Serialize)]
    struct Nested {
        id: i64,
        tags: Vec<String>,
    }
    let directory = tempfile::tempdir().unwrap();
    let target = csv::create_serde::<Nested>(directory.path().join("out")).unwrap();
    let mut connection = connected(&target, false).unwrap();
    let mut writer = begin(&target, &mut connection);
    let error = writer.write(&[Nested { id: 1, tags: vec!["SECRET".into()] }]).unwrap_err();
    assert!(error.to_string().contains("field `tags` is not a plain value"), "{error}");
}

#[test]
fn fields_that_serde_skips_are_empty() {
    #[derive(serde::Serialize)]
    struct Sparse {
        a: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        b: Option<i64>,
        c: i64,
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    let batch = [Sparse { a: 1, b: Some(2), c: 3 }, Sparse { a: 4, b: None, c: 5 }];
    written!(csv::create_serde::<Sparse>(&path).unwrap(), [&batch]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "a,b,c\n1,2,3\n4,,5\n");
}
