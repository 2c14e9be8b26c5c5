//! What is not ours is not touched (I2, I5): files of others, links, outputs that another run writes,
//! and files that somebody changed since the last checkpoint.
#![cfg(all(feature = "csv", feature = "jsonl", feature = "parquet"))]

mod common;

use std::fs;
use std::path::Path;

use common::{Item, WANTED, begin, commit, connected, drive, item, listing, record};
use etl_connectors::{csv, jsonl, parquet};
use etl_core::target::{Abandoned, Preparation, Recalled, Target, Transaction};
use etl_core::{Error, ErrorKind};
use futures::executor::block_on;

/// Begins a run that can be gone on from, and takes its first mark.
fn tracked<T: Target>(target: &T, mark: Option<&str>) -> Result<(T::Connection, Option<String>), Error> {
    block_on(async {
        target.prepare(Preparation::new(false, false).resumable(mark.map(str::to_owned))).await?;
        let mut connection = target.connect().await?;
        let mark = target.checkpoint(&mut connection).await?;
        Ok((connection, mark))
    })
}

macro_rules! load {
    ($target:expr, $connection:expr, $items:expr) => {{
        let mut writer = begin($target, $connection);
        writer.write($items).unwrap();
        commit(writer);
    }};
}

fn checkpoint<T: Target>(target: &T, connection: &mut T::Connection) -> String {
    block_on(target.checkpoint(connection)).unwrap().unwrap()
}

fn finish<T: Target>(target: &T, mut connection: T::Connection) -> String {
    let mark = block_on(target.seal(&mut connection)).unwrap().unwrap();
    block_on(target.publish(connection)).unwrap();
    mark
}

fn refused<O>(result: Result<O, Error>) -> Error {
    result.map(drop).unwrap_err()
}

fn read(path: &Path) -> Vec<Item> {
    drive(csv::read::<Item>(path).unwrap(), WANTED).unwrap().records
}

#[test]
fn a_second_run_is_told_that_the_output_is_being_written() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fn second<T: Target>(make: impl Fn() -> T) {
        let first = make();
        let (connection, mark) = tracked(&first, None).unwrap();
        for mark in [None, mark.as_deref()] {
            assert_eq!(refused(tracked(&make(), mark)).kind(), ErrorKind::Unavailable);
        }
        drop(connection);
        tracked(&make(), mark.as_deref()).map(drop).unwrap();
    }
    second(|| csv::create::<Item>(at("a.csv")).unwrap());
    second(|| jsonl::append::<Item>(at("b.jsonl")).unwrap());
    second(|| parquet::dataset::<Item>(at("c")).unwrap());
    let target = parquet::create::<Item>(at("d.parquet")).unwrap();
    let _connection = tracked(&target, None).unwrap();
    assert_eq!(refused(tracked(&parquet::create::<Item>(at("d.parquet")).unwrap(), None)).kind(), ErrorKind::Unavailable);
}

#[test]
fn a_file_that_appeared_meanwhile_is_not_replaced_and_the_draft_stays() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.csv");
    let target = csv::create::<Item>(&path).unwrap();
    let (mut connection, _) = tracked(&target, None).unwrap();
    load!(&target, &mut connection, &[item(1, "a", None)]);
    let mark = block_on(target.seal(&mut connection)).unwrap().unwrap();
    fs::write(&path, "precious").unwrap();
    assert_eq!(refused(block_on(target.publish(connection))).advice(), Some("`--replace` replaces it"));
    assert_eq!(refused(tracked(&csv::create::<Item>(&path).unwrap(), Some(&mark))).advice(), Some("`--replace` replaces it"));
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    fs::remove_file(&path).unwrap();
    let target = csv::create::<Item>(&path).unwrap();
    let (connection, _) = tracked(&target, Some(&mark)).unwrap();
    block_on(target.publish(connection)).unwrap();
    assert_eq!(read(&path), [item(1, "a", None)]);
}

#[test]
fn what_may_be_replaced_is_still_so_after_a_kill_but_nothing_else_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.csv");
    fs::write(&path, "old").unwrap();
    let target = csv::create::<Item>(&path).unwrap();
    block_on(target.prepare(Preparation::new(true, false).resumable(None))).unwrap();
    let mut connection = block_on(target.connect()).unwrap();
    let mark = checkpoint(&target, &mut connection);
    drop(connection);
    // Somebody replaces it by another file.
    let old = directory.path().join("old");
    fs::rename(&path, &old).unwrap();
    fs::write(&path, "precious").unwrap();
    assert_eq!(refused(tracked(&csv::create::<Item>(&path).unwrap(), Some(&mark))).kind(), ErrorKind::Config);
    fs::rename(&old, &path).unwrap();
    let target = csv::create::<Item>(&path).unwrap();
    let (connection, _) = tracked(&target, Some(&mark)).unwrap();
    finish(&target, connection);
    assert!(read(&path).is_empty());
}

#[test]
fn a_published_file_that_somebody_changed_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.csv");
    let target = csv::create::<Item>(&path).unwrap();
    let (mut connection, _) = tracked(&target, None).unwrap();
    load!(&target, &mut connection, &[item(1, "a", None)]);
    let mark = finish(&target, connection);
    let written = fs::read(&path).unwrap();
    let again = || csv::create::<Item>(&path).unwrap();
    assert_eq!(block_on(again().recall(&mark)).unwrap(), Recalled::Holds);
    for changed in [&b"id,name,price\n"[..], b"id,name,price\n1,b,\n", b"id,name,price\n1,a,\n2,b,\n", b""] {
        fs::write(&path, changed).unwrap();
        let error = refused(block_on(again().recall(&mark)));
        assert_eq!((error.kind(), error.code()), (ErrorKind::Config, "output_changed"));
        refused(tracked(&again(), Some(&mark)));
        assert_eq!(fs::read(&path).unwrap(), changed);
    }
    fs::write(&path, &written).unwrap();
    assert_eq!(block_on(again().recall(&mark)).unwrap(), Recalled::Holds);
    // A copy is another file.
    let copy = directory.path().join("copy");
    fs::copy(&path, &copy).unwrap();
    fs::rename(&copy, &path).unwrap();
    assert_eq!(block_on(again().recall(&mark)).unwrap(), Recalled::Gone);
    let error = refused(block_on(again().prepare(Preparation::new(false, false).resumable(None).replacing(Some(mark)))));
    assert_eq!(error.advice(), Some("`--replace` replaces it"));
}

#[test]
fn nothing_is_copied_where_nothing_is_added() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.csv");
    let target = csv::create::<Item>(&path).unwrap();
    let (connection, _) = tracked(&target, None).unwrap();
    let mark = finish(&target, connection);
    let target = csv::create::<Item>(&path).unwrap();
    let (mut connection, again) = tracked(&target, Some(&mark)).unwrap();
    block_on(begin(&target, &mut connection).commit()).unwrap();
    assert_eq!(again.as_deref(), Some(&*mark));
    assert_eq!(listing(directory.path()), ["out.csv"]);
    assert_eq!(finish(&target, connection), mark);
}

#[test]
fn files_that_grow_refuse_what_somebody_else_appended_or_left_open() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.csv");
    let make = || csv::append::<Item>(&path).unwrap();
    let target = make();
    let (mut connection, _) = tracked(&target, None).unwrap();
    load!(&target, &mut connection, &[item(1, "a", None)]);
    let mark = finish(&target, connection);
    let ours = fs::read(&path).unwrap();
    fs::write(&path, [&ours, &b"2,theirs,\n"[..]].concat()).unwrap();
    assert_eq!(refused(tracked(&make(), Some(&mark))).code(), "output_changed");
    // Another run appends behind it, whoever wrote it.
    let target = make();
    let (mut connection, _) = tracked(&target, None).unwrap();
    load!(&target, &mut connection, &[item(3, "c", None)]);
    finish(&target, connection);
    assert_eq!(read(&path), [item(1, "a", None), item(2, "theirs", None), item(3, "c", None)]);
    for content in ["id,name,price\n1,a", "id,name\n1,a\n"] {
        fs::write(&path, content).unwrap();
        assert_eq!(refused(tracked(&make(), None)).kind(), ErrorKind::Config);
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(refused(block_on(make().recall(&mark))).code(), "output_gone");
    let whole = Preparation::new(false, false).whole();
    assert_eq!(refused(block_on(make().prepare(whole))).kind(), ErrorKind::Config);
}

/// What another run of ours left uncommitted is not appended to, because that run would cut it off.
#[test]
fn files_that_grow_are_left_to_the_run_that_was_killed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.jsonl");
    let make = || jsonl::append::<Item>(&path).unwrap();
    let target = make();
    let (mut connection, mark) = tracked(&target, None).unwrap();
    drop(connection);
    // Killed before anything was written: nobody needs to know.
    let other = make();
    (connection, _) = tracked(&other, None).unwrap();
    load!(&other, &mut connection, &[item(7, "other", None)]);
    let theirs = finish(&other, connection);
    assert_eq!(refused(tracked(&make(), mark.as_deref())).code(), "output_changed");
    let target = make();
    let (mut connection, mark) = tracked(&target, Some(&theirs)).unwrap();
    load!(&target, &mut connection, &vec![item(1, "a", None); 20_000]);
    drop(connection);
    for replaces in [false, true] {
        let preparation = Preparation::new(replaces, false).resumable(None);
        assert_eq!(refused(block_on(make().prepare(preparation))).code(), "append_unfinished");
    }
    let target = make();
    let (mut connection, _) = tracked(&target, mark.as_deref()).unwrap();
    load!(&target, &mut connection, &[item(2, "b", None)]);
    finish(&target, connection);
    let all = drive(jsonl::read::<Item>(&path).unwrap(), WANTED).unwrap().records;
    assert_eq!(all, [item(7, "other", None), item(2, "b", None)]);
    assert_eq!(listing(directory.path()), ["out.jsonl"]);
}

#[cfg(unix)]
#[test]
fn links_in_the_place_of_our_files_are_not_followed() {
    use std::os::unix::fs::symlink;
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("precious"), "precious").unwrap();
    symlink(at("precious"), at(".out.csv.partial")).unwrap();
    assert_eq!(refused(tracked(&csv::create::<Item>(at("out.csv")).unwrap(), None)).kind(), ErrorKind::Config);
    symlink(at("precious"), at("grows.csv")).unwrap();
    assert_eq!(refused(tracked(&csv::append::<Item>(at("grows.csv")).unwrap(), None)).kind(), ErrorKind::Config);
    fs::create_dir(at("set")).unwrap();
    symlink(at("precious"), at("set/.lock")).unwrap();
    assert_eq!(refused(tracked(&csv::dataset::<Item>(at("set")).unwrap(), None)).kind(), ErrorKind::Config);
    assert_eq!(fs::read_to_string(at("precious")).unwrap(), "precious");
}

#[test]
fn a_dataset_is_not_begun_among_other_files() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("set");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("precious.parquet"), "precious").unwrap();
    for replace in [false, true] {
        for look_only in [true, false] {
            let target = parquet::dataset::<Item>(&path).unwrap();
            let error = refused(block_on(target.prepare(Preparation::new(replace, look_only).resumable(None))));
            assert_eq!(error.kind(), ErrorKind::Config);
        }
    }
    assert!(path.join("precious.parquet").exists());
}

#[test]
fn a_dataset_is_replaced_only_where_that_is_said_and_keeps_what_is_not_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("set");
    let make = || csv::dataset::<Item>(&path).unwrap();
    let target = make();
    let (mut connection, _) = tracked(&target, None).unwrap();
    load!(&target, &mut connection, &[item(1, "a", None)]);
    let mark = finish(&target, connection);
    fs::write(path.join("_SUCCESS"), "").unwrap();
    assert_eq!(refused(tracked(&make(), None)).advice(), Some("`--replace` replaces it"));
    let target = make();
    block_on(target.prepare(Preparation::new(true, false).resumable(None))).unwrap();
    let mut connection = block_on(target.connect()).unwrap();
    load!(&target, &mut connection, &[item(2, "b", None)]);
    finish(&target, connection);
    let parts: Vec<_> = listing(&path).into_iter().filter(|name| name.starts_with("part-")).collect();
    assert_eq!(parts.len(), 1);
    assert_eq!(read(&path.join(&parts[0])), [item(2, "b", None)]);
    assert!(path.join("_SUCCESS").exists());
    assert_eq!(block_on(make().recall(&mark)).unwrap(), Recalled::Gone);
}

#[test]
fn a_dataset_whose_parts_or_manifests_were_changed_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("set");
    let make = || jsonl::dataset::<Item>(&path).unwrap();
    let target = make();
    let (mut connection, _) = tracked(&target, None).unwrap();
    load!(&target, &mut connection, &[item(1, "a", None)]);
    let mark = finish(&target, connection);
    let names = listing(&path);
    let part = path.join(names.iter().find(|name| name.starts_with("part-")).unwrap());
    let manifest = path.join(names.iter().rfind(|name| name.starts_with("manifest-")).unwrap());
    let (lines, list) = (fs::read_to_string(&part).unwrap(), fs::read_to_string(&manifest).unwrap());
    for (file, content) in [
        (&part, lines.replace("\"a\"", "\"b\"")),
        (&part, String::new()),
        (&manifest, list.replace("\"rows\":1", "\"rows\":2")),
        (&manifest, list.replace("part-", "../part-")),
        (&manifest, list[..list.len() / 2].to_owned()),
    ] {
        let before = fs::read(file).unwrap();
        fs::write(file, &content).unwrap();
        assert_eq!(refused(tracked(&make(), Some(&mark))).kind(), ErrorKind::Config, "{content}");
        assert_eq!(fs::read_to_string(file).unwrap(), content);
        fs::write(file, before).unwrap();
    }
    tracked(&make(), Some(&mark)).map(drop).unwrap();
}

#[test]
fn a_dataset_of_a_run_that_keeps_no_marks_appears_at_its_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("set");
    let visible = || listing(&path).into_iter().filter(|name| !name.starts_with('.')).count();
    for publishes in [false, true] {
        let target = parquet::dataset::<Item>(&path).unwrap();
        let mut connection = connected(&target, false).unwrap();
        load!(&target, &mut connection, &vec![item(1, "a", None); 10_000]);
        assert_eq!(block_on(target.checkpoint(&mut connection)).unwrap(), None);
        assert_eq!(visible(), 0);
        if publishes {
            block_on(target.publish(connection)).unwrap();
        } else {
            assert_eq!(block_on(target.abandon(connection)), Abandoned::Discarded);
        }
    }
    assert_eq!(visible(), 2, "a part and a manifest");
}

#[test]
fn a_target_with_other_columns_does_not_go_on() {
    #[derive(Debug, Clone, PartialEq)]
    struct Other {
        id: i64,
        other: String,
    }
    record!(Other { id: i64, other: String });
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.csv");
    let target = csv::create::<Item>(&path).unwrap();
    let (connection, mark) = tracked(&target, None).unwrap();
    drop(connection);
    let error = refused(tracked(&csv::create::<Other>(&path).unwrap(), mark.as_deref()));
    assert_eq!((error.kind(), error.code()), (ErrorKind::Config, "output_format"));
    let error = refused(tracked(&csv::options().delimiter(b';').create::<Item>(&path).unwrap(), mark.as_deref()));
    assert_eq!(error.code(), "output_format");
}

/// A transaction that is larger than what is kept in memory, in a compressed file: taken back at the
/// begin of its own member.
#[cfg(feature = "gzip")]
#[test]
fn large_transactions_of_compressed_files_are_taken_back() {
    use std::io::Read;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.jsonl.gz");
    let target = jsonl::create::<Item>(&path).unwrap();
    let mut connection = connected(&target, false).unwrap();
    let large = |name: &str| -> Vec<Item> { (0..9_000).map(|id| item(id, &name.repeat(40), Some(id as f64))).collect() };
    for name in ["a", "b"] {
        let mut writer = begin(&target, &mut connection);
        writer.write(&large("x")).unwrap();
        writer.write(&large("y")).unwrap();
        block_on(writer.rollback()).unwrap();
        load!(&target, &mut connection, &[item(-1, name, None)]);
        let mut writer = begin(&target, &mut connection);
        writer.write(&large("z")).unwrap();
        drop(writer);
        load!(&target, &mut connection, &large(name));
    }
    block_on(target.publish(connection)).unwrap();
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(fs::File::open(&path).unwrap()).read_to_string(&mut text).unwrap();
    let plain = directory.path().join("plain");
    fs::write(&plain, text).unwrap();
    let all = drive(jsonl::read::<Item>(&plain).unwrap(), WANTED).unwrap().records;
    assert_eq!(all, [vec![item(-1, "a", None)], large("a"), vec![item(-1, "b", None)], large("b")].concat());
}
