//! New files appear whole or not at all, and hold what was written: the same tests for every format
//! that is one file.
#![cfg(any(feature = "csv", feature = "jsonl", feature = "parquet"))]

mod common;

use std::fs;

use common::{Everything, Item, WANTED, begin, connected, drive, everything, item, listing};
use etl_core::target::{Abandoned, Preparation, Target, Transaction};
use etl_core::{Class, ErrorKind};
use futures::executor::block_on;
use proptest::prelude::*;

macro_rules! tests_of {
    ($format:ident, $feature:literal) => {
        #[cfg(feature = $feature)]
        mod $format {
            use etl_connectors::$format;

            use super::*;

            fn write<T: 'static>(target: $format::File<T>, batches: &[Vec<T>]) {
                let mut connection = connected(&target, false).unwrap();
                for batch in batches {
                    let mut writer = begin(&target, &mut connection);
                    writer.write(batch).unwrap();
                    block_on(writer.commit()).unwrap();
                }
                block_on(target.publish(connection)).unwrap();
            }

            #[test]
            fn nothing_is_visible_before_it_is_published_and_everything_is_after() {
                let directory = tempfile::tempdir().unwrap();
                let path = directory.path().join("out");
                let target = $format::create::<Item>(&path).unwrap();
                let mut connection = connected(&target, false).unwrap();
                let mut writer = begin(&target, &mut connection);
                writer.write(&[item(1, "a", None)]).unwrap();
                block_on(writer.commit()).unwrap();
                assert!(!path.exists());
                assert_eq!(listing(directory.path()).len(), 1, "one file, under another name");
                block_on(target.publish(connection)).unwrap();
                assert_eq!(listing(directory.path()), ["out"]);
                let all = drive($format::read::<Item>(&path).unwrap(), WANTED).unwrap();
                assert_eq!(all.records, [item(1, "a", None)]);
            }

            #[cfg(unix)]
            #[test]
            fn the_mode_is_that_of_any_new_file_or_of_the_one_replaced() {
                use std::os::unix::fs::PermissionsExt;
                let directory = tempfile::tempdir().unwrap();
                let path = directory.path().join("out");
                let plain = directory.path().join("plain");
                fs::write(&plain, "").unwrap();
                let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode();
                write($format::create::<Item>(&path).unwrap(), &[]);
                assert_eq!(mode(&path), mode(&plain));
                fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
                let target = $format::create::<Item>(&path).unwrap();
                let connection = connected(&target, true).unwrap();
                block_on(target.publish(connection)).unwrap();
                assert_eq!(mode(&path) & 0o777, 0o640);
            }

            #[test]
            fn abandoning_leaves_nothing() {
                let directory = tempfile::tempdir().unwrap();
                let target = $format::create::<Item>(directory.path().join("out")).unwrap();
                let mut connection = connected(&target, false).unwrap();
                let mut writer = begin(&target, &mut connection);
                writer.write(&[item(1, "a", None)]).unwrap();
                block_on(writer.commit()).unwrap();
                assert_eq!(block_on(target.abandon(connection)), Abandoned::Discarded);
                assert!(listing(directory.path()).is_empty());
            }

            #[test]
            fn a_target_that_is_dropped_leaves_nothing() {
                let directory = tempfile::tempdir().unwrap();
                let target = $format::create::<Item>(directory.path().join("out")).unwrap();
                block_on(target.prepare(Preparation::default())).unwrap();
                assert_eq!(listing(directory.path()).len(), 1);
                drop(target);
                assert!(listing(directory.path()).is_empty());
            }

            #[test]
            fn an_output_that_exists_is_refused_unless_it_may_be_replaced() {
                let directory = tempfile::tempdir().unwrap();
                let path = directory.path().join("out");
                fs::write(&path, "precious").unwrap();
                let target = $format::create::<Item>(&path).unwrap();
                for look_only in [true, false] {
                    let error = block_on(target.prepare(Preparation::new(false, look_only))).unwrap_err();
                    assert_eq!((error.kind(), error.class()), (ErrorKind::Config, Class::Fail));
                    assert_eq!(error.advice(), Some("`--replace` replaces it"));
                }
                assert_eq!(listing(directory.path()), ["out"]);
                block_on(target.prepare(Preparation::new(true, true))).unwrap();
                assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
                let connection = connected(&target, true).unwrap();
                block_on(target.publish(connection)).unwrap();
                assert_ne!(fs::read(&path).unwrap(), b"precious");
                assert_eq!(listing(directory.path()), ["out"]);
            }

            #[test]
            fn an_output_that_appeared_meanwhile_is_not_overwritten() {
                let directory = tempfile::tempdir().unwrap();
                let path = directory.path().join("out");
                let target = $format::create::<Item>(&path).unwrap();
                let connection = connected(&target, false).unwrap();
                fs::write(&path, "precious").unwrap();
                let error = block_on(target.publish(connection)).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Config);
                assert_eq!(error.advice(), Some("`--replace` replaces it"));
                assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
                assert_eq!(listing(directory.path()), ["out"]);
            }

            #[test]
            fn looking_only_makes_nothing() {
                let directory = tempfile::tempdir().unwrap();
                let target = $format::create::<Item>(directory.path().join("out")).unwrap();
                block_on(target.prepare(Preparation::new(false, true))).unwrap();
                assert!(listing(directory.path()).is_empty());
            }

            #[test]
            fn places_that_cannot_be_written_are_refused() {
                let directory = tempfile::tempdir().unwrap();
                let file = directory.path().join("file");
                fs::write(&file, "").unwrap();
                for path in [directory.path().to_owned(), directory.path().join("no/such/out"), file.join("out"), "/".into(), "..".into()] {
                    for look_only in [true, false] {
                        let target = $format::create::<Item>(&path).unwrap();
                        let error = block_on(target.prepare(Preparation::new(true, look_only))).unwrap_err();
                        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
                    }
                }
                assert_eq!(listing(directory.path()), ["file"]);
            }

            #[test]
            fn a_relative_name_stands_in_the_working_directory() {
                let target = $format::create::<Item>(concat!("no-such-output.", $feature)).unwrap();
                block_on(target.prepare(Preparation::new(false, true))).unwrap();
            }

            #[cfg(unix)]
            #[test]
            fn a_link_is_kept_and_what_it_points_to_is_replaced() {
                let directory = tempfile::tempdir().unwrap();
                let (real, link) = (directory.path().join("real"), directory.path().join("link"));
                fs::write(&real, "old").unwrap();
                std::os::unix::fs::symlink(&real, &link).unwrap();
                let target = $format::create::<Item>(&link).unwrap();
                assert!(connected(&target, false).is_err());
                let connection = connected(&target, true).unwrap();
                block_on(target.publish(connection)).unwrap();
                assert!(link.is_symlink());
                assert_ne!(fs::read(&real).unwrap(), b"old");
            }

            #[test]
            fn a_second_writer_is_refused() {
                let directory = tempfile::tempdir().unwrap();
                let target = $format::create::<Item>(directory.path().join("out")).unwrap();
                let _first = connected(&target, false).unwrap();
                let error = block_on(target.connect()).map(drop).unwrap_err();
                assert!(error.to_string().contains("has a writer already"), "{error}");
                assert_eq!(error.kind(), ErrorKind::Config);
            }

            #[test]
            fn what_is_rolled_back_or_dropped_is_not_written() {
                let directory = tempfile::tempdir().unwrap();
                // small, and larger than what is kept in memory
                for size in [1, 400_000] {
                    let path = directory.path().join(format!("out{size}"));
                    let target = $format::create::<Item>(&path).unwrap();
                    let mut connection = connected(&target, false).unwrap();
                    let batch = |name: &str| vec![item(1, &name.repeat(size), Some(0.5))];
                    for name in ["a", "b"] {
                        let mut writer = begin(&target, &mut connection);
                        writer.write(&batch("x")).unwrap();
                        writer.write(&batch("y")).unwrap();
                        block_on(writer.rollback()).unwrap();
                        let mut writer = begin(&target, &mut connection);
                        writer.write(&batch("z")).unwrap();
                        drop(writer);
                        let mut writer = begin(&target, &mut connection);
                        writer.write(&batch(name)).unwrap();
                        block_on(writer.commit()).unwrap();
                    }
                    let mut writer = begin(&target, &mut connection);
                    writer.write(&batch("last")).unwrap();
                    block_on(writer.rollback()).unwrap();
                    block_on(target.publish(connection)).unwrap();
                    let all = drive($format::read::<Item>(&path).unwrap(), WANTED).unwrap();
                    assert_eq!(all.records, [batch("a"), batch("b")].concat());
                }
            }

            #[test]
            fn the_same_with_serde() {
                let directory = tempfile::tempdir().unwrap();
                let path = directory.path().join("out");
                let target = $format::create_serde::<Item>(&path).unwrap();
                let mut connection = connected(&target, false).unwrap();
                for name in ["a", "b"] {
                    let mut writer = begin(&target, &mut connection);
                    writer.write(&[item(0, "x", None)]).unwrap();
                    block_on(writer.rollback()).unwrap();
                    let mut writer = begin(&target, &mut connection);
                    writer.write(&[item(1, name, None)]).unwrap();
                    block_on(writer.commit()).unwrap();
                }
                block_on(target.publish(connection)).unwrap();
                let all = drive($format::read::<Item>(&path).unwrap(), WANTED).unwrap();
                assert_eq!(all.records, [item(1, "a", None), item(1, "b", None)]);
            }

            #[test]
            fn a_file_without_records_reads_back() {
                let directory = tempfile::tempdir().unwrap();
                let path = directory.path().join("out");
                write($format::create::<Item>(&path).unwrap(), &[vec![], vec![]]);
                assert!(drive($format::read::<Item>(&path).unwrap(), WANTED).unwrap().records.is_empty());
            }

            proptest! {
                #![proptest_config(ProptestConfig::with_cases(40))]

                #[test]
                fn what_was_written_is_read_back(batches in prop::collection::vec(prop::collection::vec(everything(), 0..20), 0..5)) {
                    let directory = tempfile::tempdir().unwrap();
                    let (codec, serde) = (directory.path().join("codec"), directory.path().join("serde"));
                    write($format::create::<Everything>(&codec).unwrap(), &batches);
                    write($format::create_serde::<Everything>(&serde).unwrap(), &batches);
                    let expected = batches.concat();
                    for path in [codec, serde] {
                        if fs::metadata(&path).unwrap().len() == 0 && expected.is_empty() {
                            continue;
                        }
                        let all = drive($format::read::<Everything>(&path).unwrap(), WANTED).unwrap();
                        prop_assert_eq!(&all.records, &expected, "{:?}", all.malformed);
                        let all = drive($format::read_serde::<Everything>(&path).unwrap(), WANTED).unwrap();
                        prop_assert_eq!(&all.records, &expected, "{:?}", all.malformed);
                    }
                }
            }
        }
    };
}

tests_of!(csv, "csv");
tests_of!(jsonl, "jsonl");
tests_of!(parquet, "parquet");

#[cfg(any(feature = "jsonl", feature = "parquet"))]
use common::{Blobs, written};

#[cfg(any(feature = "jsonl", feature = "parquet"))]
fn blobs() -> Vec<Blobs> {
    let all: Vec<u8> = (0..=255).collect();
    vec![Blobs { id: 1, blob: all.clone(), maybe_blob: Some(all) }, Blobs { id: 2, blob: vec![], maybe_blob: None }]
}

#[cfg(feature = "jsonl")]
#[test]
fn bytes_are_written_as_json() {
    use etl_connectors::jsonl;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    written!(jsonl::create::<Blobs>(&path).unwrap(), [&blobs()]);
    assert_eq!(drive(jsonl::read::<Blobs>(&path).unwrap(), WANTED).unwrap().records, blobs());
    assert_eq!(drive(jsonl::read_serde::<Blobs>(&path).unwrap(), WANTED).unwrap().records, blobs());
}

#[cfg(feature = "jsonl")]
proptest! {
    /// Whatever writes an object writes the same.
    #[test]
    fn lines_are_those_of_the_core_and_of_serde(records in prop::collection::vec(everything(), 1..10)) {
        use etl_connectors::jsonl;
        let directory = tempfile::tempdir().unwrap();
        let (codec, serde) = (directory.path().join("codec"), directory.path().join("serde"));
        written!(jsonl::create::<Everything>(&codec).unwrap(), [&records]);
        written!(jsonl::create_serde::<Everything>(&serde).unwrap(), [&records]);
        let mut core = Vec::new();
        for record in &records {
            etl_core::record::write_json(record, &mut core);
            core.push(b'\n');
        }
        let core = String::from_utf8(core).unwrap();
        prop_assert_eq!(&fs::read_to_string(&codec).unwrap(), &core);
        prop_assert_eq!(&fs::read_to_string(&serde).unwrap(), &core);
    }
}

#[cfg(feature = "jsonl")]
#[test]
fn numbers_that_json_does_not_know_are_null() {
    use etl_connectors::jsonl;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    written!(jsonl::create::<Item>(&path).unwrap(), [&[item(1, "a", Some(f64::NAN)), item(2, "b", Some(f64::INFINITY))]]);
    assert_eq!(drive(jsonl::read::<Item>(&path).unwrap(), WANTED).unwrap().records, [item(1, "a", None), item(2, "b", None)]);
}

#[cfg(feature = "parquet")]
#[test]
fn bytes_are_written_as_parquet() {
    use etl_connectors::parquet;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    written!(parquet::create::<Blobs>(&path).unwrap(), [&blobs()]);
    assert_eq!(drive(parquet::read::<Blobs>(&path).unwrap(), WANTED).unwrap().records, blobs());
}
