//! Parquet: types, row groups, and files that cannot be read.
#![cfg(feature = "parquet")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, DictionaryArray, Float32Array, Int32Array, Int64Array, LargeStringArray, RecordBatch, StringArray, StringViewArray,
};
use common::{Item, WANTED, begin, connected, drive, item, record};
use etl_connectors::parquet;
use etl_core::ErrorKind;
use etl_core::source::{Source, Wanted};
use etl_core::target::{Target, Transaction};
use futures::executor::block_on;

fn file(directory: &Path, columns: &[(&str, ArrayRef)]) -> PathBuf {
    let path = directory.join("in.parquet");
    let batch = RecordBatch::try_from_iter(columns.iter().map(|(name, array)| (*name, Arc::clone(array)))).unwrap();
    let mut writer = ::parquet::arrow::ArrowWriter::try_new(fs::File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path
}

fn ints(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

#[test]
fn row_groups_and_feeds_do_not_show() {
    let directory = tempfile::tempdir().unwrap();
    let items: Vec<_> = (0..60_000).map(|id| item(id, &format!("name {}", id % 7), (id % 3 > 0).then_some(id as f64))).collect();
    for (size, group) in [(500, 8_192), (5_000, 10_000), (9_000, 16_384), (60_000, 131_072)] {
        let path = directory.path().join(format!("{size}"));
        let target = parquet::options().row_group(group).compression(parquet::Compression::Zstd).create::<Item>(&path).unwrap();
        let mut connection = connected(&target, false).unwrap();
        for batch in items.chunks(size) {
            let mut writer = begin(&target, &mut connection);
            writer.write(batch).unwrap();
            block_on(writer.commit()).unwrap();
        }
        block_on(target.publish(connection)).unwrap();
        let all = drive(parquet::read::<Item>(&path).unwrap(), Wanted::new(1_000, 1 << 20)).unwrap();
        assert_eq!(all.records, items);
        assert!(all.chunks >= 60);
        let reader = ::parquet::file::serialized_reader::SerializedFileReader::new(fs::File::open(&path).unwrap()).unwrap();
        let metadata = ::parquet::file::reader::FileReader::metadata(&reader).clone();
        let group = group.next_multiple_of(8_192);
        assert_eq!(metadata.num_row_groups(), 60_000_usize.div_ceil(group));
        assert_eq!(metadata.row_group(0).num_rows(), 60_000.min(group as i64));
    }
}

#[test]
fn an_encoder_that_is_abandoned_ends_its_threads() {
    let directory = tempfile::tempdir().unwrap();
    let target = parquet::create::<Item>(directory.path().join("out")).unwrap();
    let mut connection = connected(&target, false).unwrap();
    let items = vec![item(1, "a", None); 20_000];
    let mut writer = begin(&target, &mut connection);
    writer.write(&items).unwrap();
    block_on(writer.commit()).unwrap();
    block_on(target.abandon(connection));
    assert!(common::listing(directory.path()).is_empty());
}

#[test]
fn columns_are_converted_where_nothing_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let ids: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3]));
    let prices: ArrayRef = Arc::new(Float32Array::from(vec![Some(0.5), None, Some(2.0)]));
    let dictionary: DictionaryArray<Int32Type> = vec!["a", "b", "a"].into_iter().collect();
    let names: [ArrayRef; 4] = [
        texts(&["a", "b", "a"]),
        Arc::new(LargeStringArray::from(vec!["a", "b", "a"])),
        Arc::new(StringViewArray::from(vec!["a", "b", "a"])),
        Arc::new(dictionary),
    ];
    for name in names {
        let path = file(
            directory.path(),
            &[("extra", ints(&[9, 9, 9])), ("price", Arc::clone(&prices)), ("name", name), ("id", Arc::clone(&ids))],
        );
        let expected = [item(1, "a", Some(0.5)), item(2, "b", None), item(3, "a", Some(2.0))];
        let all = drive(parquet::read::<Item>(&path).unwrap(), WANTED).unwrap();
        assert_eq!(all.records, expected);
        assert_eq!(all.origins[2].0.ordinal, 2);
        let all = drive(parquet::read_serde::<Item>(&path).unwrap(), WANTED).unwrap();
        assert_eq!(all.records, expected);
    }
}

#[test]
fn values_that_do_not_fit_are_malformed() {
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Small {
        a: u8,
        b: String,
    }
    record!(Small { a: u8, b: String });
    let directory = tempfile::tempdir().unwrap();
    let path = file(
        directory.path(),
        &[("a", ints(&[1, 256, -1, 2])), ("b", Arc::new(StringArray::from(vec![Some("x"), Some("SECRET"), Some("y"), None])))],
    );
    let all = drive(parquet::read::<Small>(&path).unwrap(), WANTED).unwrap();
    assert_eq!(all.records, [Small { a: 1, b: "x".into() }]);
    let said: Vec<_> = all.malformed.iter().map(|(at, malformed, _)| (at.ordinal, malformed.message.as_ref())).collect();
    assert_eq!(
        said,
        [(1, "column `a` is out of the range of u8"), (2, "column `a` is out of the range of u8"), (3, "column `b` has no value")]
    );
    assert_eq!(all.malformed[0].2.as_deref(), Some(&br#"{"a":256,"b":"SECRET"}"#[..]));
    let serde = drive(parquet::read_serde::<Small>(&path).unwrap(), WANTED).unwrap();
    assert_eq!((serde.records.len(), serde.malformed.len()), (1, 3));
}

#[test]
fn columns_of_another_type_or_missing_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let refused = |columns: &[(&str, ArrayRef)]| {
        let error = drive(parquet::read::<Item>(file(directory.path(), columns)).unwrap(), WANTED).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Extraction);
        error.to_string()
    };
    let said = refused(&[("id", texts(&["1"])), ("name", texts(&["a"])), ("price", ints(&[1]))]);
    assert!(said.contains("column `id` should be i64, but the file has Utf8"), "{said}");
    let said = refused(&[("id", ints(&[1])), ("name", texts(&["a"])), ("price", ints(&[1]))]);
    assert!(said.contains("column `price` should be f64, but the file has Int64"), "{said}");
    let said = refused(&[("id", ints(&[1]))]);
    assert!(said.contains("lacks the column `name`, `price`: it has `id`"), "{said}");
}

#[test]
fn files_that_are_not_parquet_are_errors() {
    let directory = tempfile::tempdir().unwrap();
    let whole = fs::read(file(
        directory.path(),
        &[("id", ints(&[1])), ("name", texts(&["a"])), ("price", Arc::new(Float32Array::from(vec![1.0])))],
    ))
    .unwrap();
    let path = directory.path().join("bad");
    for content in
        [b"".to_vec(), b"PAR1".to_vec(), b"id,name,price\n1,a,2\n".to_vec(), whole[..whole.len() - 5].to_vec(), whole[8..].to_vec()]
    {
        fs::write(&path, &content).unwrap();
        let error = drive(parquet::read::<Item>(&path).unwrap(), WANTED).map(drop);
        let Err(error) = error else { panic!("{} bytes were read", content.len()) };
        assert_eq!(error.kind(), ErrorKind::Extraction);
        assert!(error.advice().is_some());
    }
    for path in [directory.path().join("none"), directory.path().to_owned()] {
        let error = drive(parquet::read::<Item>(&path).unwrap(), WANTED).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Extraction);
    }
}

#[test]
fn info_says_what_is_known() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), &[("id", ints(&[1]))]);
    let info = parquet::read::<Item>(&path).unwrap().info();
    assert!(info.bytes.is_some() && info.replayable);
}

#[test]
fn serde_types_that_are_no_rows_are_refused() {
    #[derive(serde::Serialize, serde::Deserialize)]
    struct Nested {
        id: i64,
        tags: Vec<String>,
    }
    let error = parquet::create_serde::<Nested>("out").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("`tags`"), "{error}");
}

/// I2: rows are numbered in the file, whatever the row groups and wherever reading begins.
#[test]
fn reading_goes_on_at_any_row() {
    use etl_core::position::Cursor;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("in.parquet");
    let (batch, groups) = (20, [7, 1, 12]);
    let columns = RecordBatch::try_from_iter([("id", ints(&(0..batch).collect::<Vec<_>>())), ("name", texts(&["a"; 20]))]).unwrap();
    let mut writer = ::parquet::arrow::ArrowWriter::try_new(fs::File::create(&path).unwrap(), columns.schema(), None).unwrap();
    let mut from = 0;
    for rows in groups {
        writer.write(&columns.slice(from, rows)).unwrap();
        writer.flush().unwrap();
        from += rows;
    }
    writer.close().unwrap();
    #[derive(Debug, PartialEq)]
    struct Row {
        id: i64,
        name: String,
    }
    record!(Row { id: i64, name: String });
    for from in 0..=20 {
        for records in [1, 3, 100] {
            let mut source = parquet::read::<Row>(&path).unwrap();
            assert_eq!(block_on(source.seek(Cursor::record(from))).unwrap(), Cursor::record(from));
            let mut next = from;
            while let Some(chunk) = block_on(source.read(Wanted::new(records, 1 << 20))).unwrap() {
                let decoded = chunk.decode();
                for (index, row) in (0..).zip(&decoded.records) {
                    assert_eq!((row.id as u64, decoded.origin.position(index).ordinal), (next, next));
                    next += 1;
                }
                assert_eq!(decoded.origin.end(decoded.records.len() as u32), Cursor::record(next));
            }
            assert_eq!(next, 20);
        }
    }
    let mut source = parquet::read::<Row>(&path).unwrap();
    assert_eq!(block_on(source.seek(Cursor::record(21))).unwrap_err().code(), "source_changed");
}

/// A Parquet file cannot grow: whatever was done to it, it is another one.
#[test]
fn a_parquet_file_that_has_changed_is_another_one() {
    use etl_core::source::Sameness;
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), &[("id", ints(&[1, 2, 3]))]);
    #[derive(Debug, PartialEq)]
    struct Row {
        id: i64,
    }
    record!(Row { id: i64 });
    let identity = |head| parquet::read::<Row>(&path).unwrap().identity(head).unwrap().unwrap();
    let before = identity(None);
    assert_eq!(identity(Some(before.head)).compare(&before), Sameness::Same);
    for values in [&[1, 2, 4][..], &[1, 2, 3, 4], &(0..10_000).collect::<Vec<_>>()] {
        file(directory.path(), &[("id", ints(values))]);
        assert_eq!(identity(Some(before.head)).compare(&before), Sameness::Other, "{} rows", values.len());
    }
}
