//! Reading JSON lines: positions, types, and every kind of bad input.
#![cfg(feature = "jsonl")]

mod common;

use std::fs;

use common::{Blobs, Item, WANTED, drive, item};
use etl_connectors::jsonl;
use etl_core::ErrorKind;
use etl_core::source::Wanted;

fn file(content: impl AsRef<[u8]>) -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().suffix(".jsonl").tempfile().unwrap();
    fs::write(file.path(), content).unwrap();
    file
}

fn read(content: impl AsRef<[u8]>) -> common::All<Item> {
    let file = file(content);
    let codec = drive(jsonl::read::<Item>(file.path()).unwrap(), WANTED).unwrap();
    let serde = drive(jsonl::read_serde::<Item>(file.path()).unwrap(), WANTED).unwrap();
    assert_eq!(codec.records, serde.records, "serde reads the same");
    assert_eq!(codec.codes(), serde.codes(), "serde refuses the same");
    codec
}

#[test]
fn records_come_with_their_places_and_bytes() {
    let all = read(
        "{\"id\":1,\"name\":\"a\",\"price\":2.5}\r\n\n  \r\n{\"name\":\"b\",\"id\":2}\n {\"id\":3,\"name\":\"\\u00e4\\n\",\"price\":null,\"x\":[{}]}",
    );
    assert_eq!(all.records, [item(1, "a", Some(2.5)), item(2, "b", None), item(3, "\u{e4}\n", None)]);
    let places: Vec<_> = all.origins.iter().map(|(at, _)| (at.ordinal, at.byte.unwrap(), at.line.unwrap())).collect();
    assert_eq!(places, [(0, 0, 1), (1, 38, 4), (2, 58, 5)]);
    assert_eq!(all.origins[1].1.as_deref(), Some(&b"{\"name\":\"b\",\"id\":2}"[..]));
}

#[test]
fn a_missing_file_and_a_directory_are_errors() {
    let error = drive(jsonl::read::<Item>("no/such.jsonl").unwrap(), WANTED).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Extraction);
    assert!(error.advice().is_some());
    let directory = tempfile::tempdir().unwrap();
    let error = drive(jsonl::read::<Item>(directory.path()).unwrap(), WANTED).unwrap_err();
    assert!(error.to_string().contains("directory"), "{error}");
}

#[test]
fn files_without_records_yield_nothing() {
    for content in ["", "\n", "\n \t\r\n\n", "\u{feff}", " "] {
        let all = read(content);
        assert!(all.records.is_empty() && all.malformed.is_empty(), "{content:?}");
    }
}

#[test]
fn a_byte_order_mark_is_skipped() {
    assert_eq!(read("\u{feff}{\"id\":1,\"name\":\"a\"}").records, [item(1, "a", None)]);
}

#[test]
fn what_is_not_one_object_is_malformed() {
    let all = read(
        "[1]\n{\"id\":1,\"name\":\"a\"\n{\"id\":1,\"name\":\"a\"}}\nnull\n{\"id\":1,\"name\":\"a\"} {}\nx\n\"SECRET\n{\"id\":9,\"name\":\"z\"}\n",
    );
    assert_eq!(all.records, [item(9, "z", None)]);
    assert_eq!(all.codes().iter().map(|(_, line)| *line).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7]);
    assert!(all.codes().iter().all(|(code, _)| *code == "not_json"), "{:?}", all.codes());
    assert!(all.malformed.iter().all(|(_, malformed, _)| !malformed.message.contains("SECRET")));
}

#[test]
fn wrong_values_are_malformed_and_not_quoted() {
    let all = read(
        "{\"id\":\"1\",\"name\":\"a\"}\n{\"id\":1.5,\"name\":\"a\"}\n{\"id\":1,\"name\":7}\n{\"id\":1,\"name\":[\"SECRET\"]}\n\
         {\"id\":1,\"name\":{\"a\":1}}\n{\"id\":99999999999999999999,\"name\":\"a\"}\n{\"name\":\"a\"}\n{\"id\":null,\"name\":\"a\"}\n{\"id\":1,\"name\":\"a\",\"price\":\"NA\"}\n{\"id\":-9223372036854775808,\"name\":\"\"}\n",
    );
    assert_eq!(all.records, [item(i64::MIN, "", None)]);
    let said: Vec<_> = all.malformed.iter().map(|(_, malformed, _)| malformed.message.as_ref()).collect();
    assert_eq!(
        said,
        [
            "column `id` is not of type i64",
            "column `id` is not of type i64",
            "column `name` is not of type text",
            "column `name` is not of type text",
            "column `name` is not of type text",
            "column `id` is out of the range of i64",
            "column `id` has no value",
            "column `id` has no value",
            "column `price` is not of type f64",
        ]
    );
}

#[test]
fn invalid_utf8_matters_only_where_a_text_is_read() {
    let all = read(b"{\"id\":1,\"other\":\"\xFF\",\"name\":\"a\"}\n{\"id\":2,\"name\":\"\xFF\"}\n");
    assert_eq!(all.records, [item(1, "a", None)]);
    assert_eq!(all.codes(), [("not_utf8", 2)]);
}

#[test]
fn the_last_of_a_key_that_stands_twice_counts() {
    let file = file("{\"id\":1,\"name\":\"a\",\"id\":2}\n");
    assert_eq!(drive(jsonl::read::<Item>(file.path()).unwrap(), WANTED).unwrap().records, [item(2, "a", None)]);
}

#[test]
fn bytes_are_arrays_of_small_numbers() {
    let file = file(
        "{\"id\":1,\"blob\":[0,255],\"maybe_blob\":null}\n{\"id\":2,\"blob\":[256]}\n{\"id\":3,\"blob\":[-1]}\n{\"id\":4,\"blob\":[[1]]}\n\
         {\"id\":5,\"blob\":[{}, null, true, 1.5, \"x\"]}\n{\"id\":6,\"blob\":\"x\"}\n{\"id\":7,\"blob\":[],\"maybe_blob\":[1]}\n",
    );
    let all = drive(jsonl::read::<Blobs>(file.path()).unwrap(), WANTED).unwrap();
    assert_eq!(
        all.records,
        [Blobs { id: 1, blob: vec![0, 255], maybe_blob: None }, Blobs { id: 7, blob: vec![], maybe_blob: Some(vec![1]) }]
    );
    assert_eq!(all.malformed.len(), 5);
}

#[test]
fn nul_bytes_and_deep_nesting_do_no_harm() {
    let deep = format!("{{\"id\":1,\"name\":\"a\",\"x\":{}1{}}}\n", "[".repeat(100_000), "]".repeat(100_000));
    let all = read(format!("{{\"id\":1,\"name\":\"a\\u0000\"}}\n\0\n{deep}"));
    assert_eq!(all.records[0], item(1, "a\0", None));
    assert_eq!(all.codes()[0], ("not_json", 2));
}

#[test]
fn too_long_lines_are_malformed() {
    let long = "y".repeat(9_000);
    let spaces = " ".repeat(9_000);
    let file = file(format!(
        "{{\"id\":1,\"name\":\"a\"}}\n{{\"id\":2,\"name\":\"{long}\"}}\n{{\"id\":3,\"name\":\"\"}}{spaces}\n{spaces}\n\n{{\"id\":4,\"name\":\"d\"}}\n{long}"
    ));
    for (records, bytes) in [(1, 1), (1_000, 1), (2, 6_000), (1_000, 1 << 20)] {
        let all = drive(jsonl::options().max_record(100).read::<Item>(file.path()).unwrap(), Wanted::new(records, bytes)).unwrap();
        assert_eq!(all.records, [item(1, "a", None), item(4, "d", None)]);
        let lines: Vec<_> = all.codes().into_iter().filter(|(_, line)| *line != 4).collect();
        assert_eq!(lines, [("too_large", 2), ("too_large", 3), ("too_large", 7)]);
    }
}
