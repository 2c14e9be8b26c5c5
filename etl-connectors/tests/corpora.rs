//! Bad input, collected by others and made here, through the connectors: nothing panics, nothing hangs,
//! and each piece has the outcome that is written down. The issue's line "bad-input corpora".
//!
//! Run alone by `cargo xtask corpora`, which shows the counts.
#![cfg(all(feature = "csv", feature = "jsonl", feature = "sqlite", feature = "parquet", feature = "gzip"))]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use common::{All, Item, WANTED, drive, item, record};
use etl_connectors::{csv, jsonl, parquet, sqlite};
use etl_core::record::Record;
use serde_json::Value;

/// Longer is a hang.
const LIMIT: Duration = Duration::from_secs(2);

fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpora").join(name)
}

/// Does `work` on a thread, so that neither a panic nor a hang of it goes unnamed.
fn timed<T: Send + 'static>(name: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = mpsc::channel();
    std::thread::spawn(move || done.send(work()));
    match result.recv_timeout(LIMIT) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("{name}: hangs"),
        Err(mpsc::RecvTimeoutError::Disconnected) => panic!("{name}: panics"),
    }
}

fn file(content: impl AsRef<[u8]>) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), content).unwrap();
    file
}

/// A line with any value at all in it.
#[derive(Debug, PartialEq, serde::Deserialize)]
struct Any {
    any: Value,
}

impl Record for Any {}

/// A line of which only the number is read.
#[derive(Debug, PartialEq)]
struct Numbered {
    id: i64,
}

record!(Numbered { id: i64 });

fn lines<T: Record + serde::de::DeserializeOwned>(content: Vec<u8>) -> All<T> {
    drive(jsonl::read_serde::<T>(file(content).path()).unwrap(), WANTED).unwrap()
}

/// What a parser may do as it likes, and what ours does: it is `serde_json` with numbers as they were
/// written.
fn is_taken(name: &str) -> bool {
    match name {
        // Numbers that no f64 holds are refused, and those that are only too precise or too small taken.
        "i_number_huge_exp.json" | "i_number_neg_int_huge_exp.json" | "i_number_pos_double_huge_exp.json" => false,
        "i_number_real_neg_overflow.json" | "i_number_real_pos_overflow.json" => false,
        name if name.starts_with("i_number_") => true,
        // Half of a surrogate pair is no text, and neither is what is not UTF-8.
        name if name.starts_with("i_string_") || name.starts_with("i_object_") => false,
        // Depth is limited, and a byte order mark belongs at the beginning of a file.
        "i_structure_500_nested_arrays.json" | "i_structure_UTF-8_BOM_empty_object.json" => false,
        other => panic!("{other} has no outcome written down"),
    }
}

#[test]
fn json_test_suite() {
    #[derive(serde::Deserialize)]
    struct Case {
        name: String,
        input: String,
    }
    let mut text = String::new();
    flate2::read::GzDecoder::new(fs::File::open(corpus("json-test-suite/parsing.json.gz")).unwrap()).read_to_string(&mut text).unwrap();
    let cases: Vec<Case> = serde_json::from_str(&text).unwrap();
    let mut counts = BTreeMap::<_, [usize; 2]>::new();
    for Case { name, input } in cases {
        // The bytes that the package could not hold.
        let input: Vec<u8> = input.split('\u{FFFD}').map(str::as_bytes).collect::<Vec<_>>().join(&0xFF);
        let expected = match &name[..2] {
            "y_" => true,
            "n_" => false,
            _ => is_taken(&name),
        };
        // As a value in a line: there are no line breaks in it, and a tab means the same and is as forbidden in a text.
        let value: Vec<u8> = input.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b'\t' } else { *byte }).collect();
        let line = [b"{\"id\":7,\"any\":", &value[..], b"}\n{\"id\":8,\"any\":null}\n"].concat();
        let (any, numbered) = timed(&name, {
            let line = line.clone();
            move || (lines::<Any>(line.clone()), drive(jsonl::read::<Numbered>(file(line).path()).unwrap(), WANTED).unwrap())
        });
        assert_eq!(any.records.len() + any.malformed.len(), 2, "{name}: the line after it is untouched");
        assert_eq!(any.records.last(), Some(&Any { any: Value::Null }), "{name}");
        assert_eq!(any.records.len() == 2, expected, "{name}: {:?}", any.codes());
        if expected {
            assert_eq!(any.records[0].any, serde_json::from_slice::<Value>(&value).unwrap(), "{name}");
            assert_eq!(numbered.records, [Numbered { id: 7 }, Numbered { id: 8 }], "{name}: a value that is not read does no harm");
        } else {
            assert!(
                any.codes().iter().all(|(code, line)| matches!(*code, "not_json" | "not_utf8" | "field") && *line == 1),
                "{name}: {:?}",
                any.codes()
            );
            assert_eq!(numbered.records.last(), Some(&Numbered { id: 8 }), "{name}");
        }
        // As it is: a document is seldom a row of objects, but every line of it has an outcome.
        let (raw, count) = timed(&name, {
            let input = input.clone();
            move || (lines::<Any>(input.clone()), drive(csv::read_serde::<Any>(file(input).path()).unwrap(), WANTED).map(|all| all.chunks))
        });
        assert!(raw.records.is_empty(), "{name}: no document of the suite has this column");
        assert!(raw.malformed.len() <= input.split(|byte| *byte == b'\n').count(), "{name}");
        drop(count);
        counts.entry(name[..2].to_owned()).or_default()[usize::from(expected)] += 1;
    }
    assert_eq!(counts, BTreeMap::from([("i_".into(), [30, 5]), ("n_".into(), [188, 0]), ("y_".into(), [0, 95])]));
    println!(
        "json-test-suite: 318 documents in 3 forms each: 95 y_ taken, 188 n_ refused, 35 i_ as written down (5 taken, 30 refused); 0 panics, 0 hangs"
    );
}

/// Any columns.
#[derive(Debug, PartialEq, serde::Deserialize)]
#[serde(transparent)]
struct Row(BTreeMap<String, String>);

impl Record for Row {}

#[test]
fn csv_spectrum_equals_its_json() {
    let mut count = 0;
    for entry in fs::read_dir(corpus("csv-spectrum")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "csv") {
            continue;
        }
        let json = fs::read(path.with_extension("json")).unwrap();
        // Where there is one record, some files have it without the array.
        let mut expected: Vec<BTreeMap<String, String>> =
            serde_json::from_slice(&json).unwrap_or_else(|_| vec![serde_json::from_slice(&json).unwrap()]);
        if path.ends_with("location_coordinates.csv") {
            // The two files of the corpus have different numbers here.
            expected[0].insert("Contact Phone Number".into(), "2095257564".into());
        }
        let name = path.display().to_string();
        let all = timed(&name, move || drive(csv::read_serde::<Row>(&path).unwrap(), WANTED).unwrap());
        assert!(all.malformed.is_empty(), "{name}: {:?}", all.malformed);
        assert_eq!(all.records.into_iter().map(|row| row.0).collect::<Vec<_>>(), expected, "{name}");
        count += 1;
    }
    assert_eq!(count, 12);
    println!("csv-spectrum: 12 files, each equal to its JSON; 0 panics, 0 hangs");
}

/// Through every target that is a file, and back.
fn round_trip(texts: &[String]) {
    let items: Vec<Item> = (0..).zip(texts).map(|(id, text)| item(id, text, None)).collect();
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    common::written!(csv::create::<Item>(path("a.csv")).unwrap(), [&items[..]]);
    common::written!(jsonl::create::<Item>(path("a.jsonl")).unwrap(), [&items[..]]);
    common::written!(parquet::create::<Item>(path("a.parquet")).unwrap(), [&items[..]]);
    let database = sqlite::create(path("a.db")).unwrap();
    let mut connection = common::connected(&database, false).unwrap();
    let mut transaction = common::begin(&database, &mut connection);
    transaction.insert("items", &items).unwrap();
    common::commit(transaction);
    common::publish(&database, connection);
    for (name, all) in [
        ("CSV", drive(csv::read::<Item>(path("a.csv")).unwrap(), WANTED)),
        ("CSV by serde", drive(csv::read_serde::<Item>(path("a.csv")).unwrap(), WANTED)),
        ("JSONL", drive(jsonl::read::<Item>(path("a.jsonl")).unwrap(), WANTED)),
        ("JSONL by serde", drive(jsonl::read_serde::<Item>(path("a.jsonl")).unwrap(), WANTED)),
        ("Parquet", drive(parquet::read::<Item>(path("a.parquet")).unwrap(), WANTED)),
        ("SQLite", drive(sqlite::read::<Item>(path("a.db"), "items").unwrap(), WANTED)),
    ] {
        let all = all.unwrap();
        assert!(all.malformed.is_empty(), "{name}: {:?}", all.malformed);
        assert_eq!(all.records, items, "{name}");
    }
}

#[test]
fn naughty_strings_round_trip() {
    let texts: Vec<String> = serde_json::from_slice(&fs::read(corpus("blns/blns.json")).unwrap()).unwrap();
    let count = texts.len();
    timed("blns", move || round_trip(&texts));
    assert_eq!(count, 485);
    println!("blns: {count} strings, each through CSV, JSONL, Parquet and SQLite and back; 0 panics, 0 hangs");
}

/// What nobody has collected: each with the records and the codes that it must have.
#[test]
fn our_own() {
    let deep = |key: &str, count: usize| format!("{{\"id\":1,\"name\":\"a\",\"{key}\":{}{}}}\n", "[".repeat(count), "]".repeat(count));
    type Expected<'a> = (&'a [(i64, &'a str)], &'a [&'a str]);
    let csv_cases: Vec<(&str, Vec<u8>, Expected<'_>)> = vec![
        ("a byte order mark", "\u{feff}id,name,price\n1,a,\n".into(), (&[(1, "a")], &[])),
        ("a byte order mark in the middle", "id,name,price\n1,\u{feff}a,\n\u{feff}2,b,\n".into(), (&[(1, "\u{feff}a")], &["field"])),
        ("mixed line ends", "id,name,price\r\n1,a,\n2,b,\r3,c,\r\n\r\n\n\r4,d,".into(), (&[(1, "a"), (2, "b"), (3, "c"), (4, "d")], &[])),
        ("NUL", b"id,name,price\n1,a\0b,\n\0\n".to_vec(), (&[(1, "a\0b")], &["ragged"])),
        ("halves of surrogate pairs", b"id,name,price\n1,\xED\xA0\x80,\n2,b,\n".to_vec(), (&[(2, "b")], &["not_utf8"])),
        ("formulas", "id,name,price\n1,=1+1,\n2,\"@SUM(A1,B2)\",\n".into(), (&[(1, "=1+1"), (2, "@SUM(A1,B2)")], &[])),
        ("escape sequences of terminals", "id,name,price\n1,\u{1b}[31m,\n\u{1b}[2J,b,\n".into(), (&[(1, "\u{1b}[31m")], &["field"])),
        ("quotes only", format!("id,name,price\n{}\n", "\"".repeat(99_999)).into(), (&[], &["unclosed_quote"])),
        ("delimiters only", format!("id,name,price\n{}\n1,a,\n", ",".repeat(99_999)).into(), (&[(1, "a")], &["ragged"])),
    ];
    let jsonl_cases: Vec<(&str, Vec<u8>, Expected<'_>)> = vec![
        ("a byte order mark", "\u{feff}{\"id\":1,\"name\":\"a\"}\n".into(), (&[(1, "a")], &[])),
        (
            "a byte order mark in the middle",
            "{\"id\":1,\"name\":\"a\"}\n\u{feff}{\"id\":2,\"name\":\"b\"}\n".into(),
            (&[(1, "a")], &["not_json"]),
        ),
        ("mixed line ends", "{\"id\":1,\"name\":\"a\"}\r\n\r\n\n{\"id\":2,\"name\":\"b\"}\r\r\n \n".into(), (&[(1, "a"), (2, "b")], &[])),
        ("NUL", b"{\"id\":1,\"name\":\"a\\u0000\"}\n\0\n{\"id\":2,\"name\":\"\0\"}\n".to_vec(), (&[(1, "a\0")], &["not_json", "not_json"])),
        (
            "halves of surrogate pairs",
            "{\"id\":1,\"name\":\"\\ud800\"}\n{\"id\":2,\"name\":\"\\udc00\\ud800\"}\n".into(),
            (&[], &["not_json", "not_json"]),
        ),
        ("10,000 deep where nobody reads", deep("x", 10_000).into(), (&[(1, "a")], &[])),
        ("10,000 deep in a column", deep("name", 10_000).into(), (&[], &["field"])),
        ("10,000 arrays that nobody closes", "[".repeat(10_000).into(), (&[], &["not_json"])),
        ("an array of the fields of a record", "[1,\"a\",2.5]\n".into(), (&[], &["not_json"])),
        ("escape sequences of terminals", "{\"id\":1,\"name\":\"\\u001b[31m\"}\n\u{1b}[2J\n".into(), (&[(1, "\u{1b}[31m")], &["not_json"])),
    ];
    let count = csv_cases.len() + jsonl_cases.len();
    let check = |name: &str, read: &mut dyn FnMut(&Path) -> All<Item>, content: &[u8], (records, codes): Expected<'_>| {
        let all = read(file(content).path());
        let found: Vec<_> = all.records.iter().map(|item| (item.id, item.name.as_str())).collect();
        assert_eq!(found, records, "{name}");
        assert_eq!(all.codes().iter().map(|(code, _)| *code).collect::<Vec<_>>(), codes, "{name}");
        for (_, malformed, _) in &all.malformed {
            assert!(!malformed.message.contains(|c: char| c.is_control()), "{name}: I8, and terminals");
        }
    };
    for (name, content, expected) in csv_cases {
        check(name, &mut |path| drive(csv::read::<Item>(path).unwrap(), WANTED).unwrap(), &content, expected);
        check(name, &mut |path| drive(csv::read_serde::<Item>(path).unwrap(), WANTED).unwrap(), &content, expected);
    }
    for (name, content, expected) in jsonl_cases {
        check(name, &mut |path| drive(jsonl::read::<Item>(path).unwrap(), WANTED).unwrap(), &content, expected);
        check(name, &mut |path| drive(jsonl::read_serde::<Item>(path).unwrap(), WANTED).unwrap(), &content, expected);
    }
    round_trip(
        &[
            "=1+1",
            "+1",
            "-1",
            "@a",
            "\t=1",
            "\u{1b}[31mred\u{1b}[0m",
            "a\0b",
            "\u{feff}",
            "\r",
            "\n",
            "\r\n",
            "\"",
            "'; DROP TABLE items; --",
        ]
        .map(String::from),
    );
    println!(
        "own: {count} files, each by its own decoder and by serde, and 13 texts through CSV, JSONL, Parquet and SQLite and back; 0 panics, 0 hangs"
    );
}
