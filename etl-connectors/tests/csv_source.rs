//! Reading CSV: positions, payloads, and every kind of bad input.
#![cfg(feature = "csv")]

mod common;

use std::fs;

use common::{Everything, Item, WANTED, drive, item, record};
use etl_connectors::csv;
use etl_core::source::{Source, Wanted};
use etl_core::{Error, ErrorKind};
use futures::executor::block_on;

fn file(content: impl AsRef<[u8]>) -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    fs::write(file.path(), content).unwrap();
    file
}

fn read(content: impl AsRef<[u8]>) -> Result<common::All<Item>, Error> {
    read_in_blocks(content, WANTED)
}

fn read_in_blocks(content: impl AsRef<[u8]>, wanted: Wanted) -> Result<common::All<Item>, Error> {
    let file = file(content);
    let codec = drive(csv::read::<Item>(file.path())?, wanted)?;
    let serde = drive(csv::read_serde::<Item>(file.path())?, wanted)?;
    assert_eq!(codec.records, serde.records, "serde reads the same");
    assert_eq!(codec.codes(), serde.codes(), "serde refuses the same");
    assert_eq!(
        codec.malformed.iter().map(|(_, malformed, _)| (malformed.column, malformed.message.clone())).collect::<Vec<_>>(),
        serde.malformed.iter().map(|(_, malformed, _)| (malformed.column, malformed.message.clone())).collect::<Vec<_>>(),
    );
    Ok(codec)
}

fn refused(content: impl AsRef<[u8]>) -> String {
    let error = read(content).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Extraction);
    assert!(error.advice().is_some(), "{error} has no hint");
    error.to_string()
}

#[test]
fn records_come_with_their_places_and_bytes() {
    let all = read("id,name,price\n1,a,2.5\r\n\n2,\"x\ny\",\n3,c,1\n").unwrap();
    assert_eq!(all.records, [item(1, "a", Some(2.5)), item(2, "x\ny", None), item(3, "c", Some(1.0))]);
    let places: Vec<_> = all.origins.iter().map(|(at, _)| (at.ordinal, at.byte.unwrap(), at.line.unwrap())).collect();
    assert_eq!(places, [(0, 14, 2), (1, 24, 4), (2, 33, 6)]);
    let payloads: Vec<_> = all.origins.iter().map(|(_, payload)| String::from_utf8(payload.clone().unwrap()).unwrap()).collect();
    assert_eq!(payloads, ["1,a,2.5", "2,\"x\ny\",", "3,c,1"]);
    assert_eq!(all.source_bytes, 39);
}

#[test]
fn columns_may_stand_in_any_order_and_others_are_ignored() {
    let all = read("extra,price,name,id\n\u{e4},1.5,a,7\n").unwrap();
    assert_eq!(all.records, [item(7, "a", Some(1.5))]);
}

#[test]
fn a_missing_file_is_an_error_with_a_hint() {
    let mut source = csv::read::<Item>("no/such/file.csv").unwrap();
    let error = block_on(source.validate()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Extraction);
    assert!(error.to_string().contains("no/such/file.csv"), "{error}");
    assert!(error.advice().unwrap().contains("path"));
    assert!(block_on(source.read(WANTED)).is_err(), "reading without validating says the same");
}

#[test]
fn a_directory_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let error = drive(csv::read::<Item>(directory.path()).unwrap(), WANTED).unwrap_err();
    assert!(error.to_string().contains("is a directory"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_device_is_an_error_and_does_not_hang() {
    let error = drive(csv::read::<Item>("/dev/zero").unwrap(), WANTED).unwrap_err();
    assert!(error.to_string().contains("not a regular file"), "{error}");
}

#[test]
fn an_empty_file_has_no_header() {
    assert!(refused("").contains("no header"));
    assert!(refused("\n\r\n\n").contains("no header"));
}

#[test]
fn i8_a_file_without_a_header_names_what_is_missing_and_quotes_no_record() {
    let said = refused("1,a,2.5\n2,b,\n");
    assert!(said.contains("lacks `id`, `name`, `price`") && said.contains("the first line has 3 fields"), "{said}");
    assert!(!said.contains("2.5"), "{said}");
}

#[test]
fn a_missing_column_is_named() {
    let error = read("id,Name,price\n1,a,2\n").map(drop);
    // serde does not know before the first record
    assert!(error.unwrap_err().to_string().contains("lacks `name`"));
    let file = file("id,Name,price\n1,a,2\n");
    let all = drive(csv::read_serde::<Item>(file.path()).unwrap(), WANTED).unwrap();
    assert_eq!(all.codes(), [("field", 2)]);
    assert_eq!(all.malformed[0].1.column, Some("name"));
}

#[test]
fn a_column_that_stands_twice_is_an_error() {
    assert!(refused("id,name,price,id\n1,a,2,3\n").contains("`id` more than once"));
}

#[test]
fn an_optional_column_may_be_absent() {
    #[derive(Debug, PartialEq)]
    struct Loose {
        id: i64,
        note: String,
    }
    record!(Loose { id: i64, note: String = "none".into() });
    let file = file("id\n4\n");
    let all = drive(csv::read::<Loose>(file.path()).unwrap(), WANTED).unwrap();
    assert_eq!(all.records, [Loose { id: 4, note: "none".into() }]);
}

#[test]
fn a_header_alone_yields_nothing() {
    for content in ["id,name,price", "id,name,price\n", "id,name,price\r\n\r\n"] {
        assert!(read(content).unwrap().records.is_empty());
    }
}

#[test]
fn a_byte_order_mark_is_skipped() {
    let all = read("\u{feff}\"id\",name,price\n1,a,\n").unwrap();
    assert_eq!(all.records, [item(1, "a", None)]);
    assert_eq!(all.origins[0].0.byte, Some(3 + 16));
}

#[test]
fn utf_16_and_damaged_files_are_named_for_what_they_are() {
    assert!(refused(b"\xFF\xFEi\0d\0\n\0").contains("UTF-16"));
    assert!(refused(b"\x1F\x8B\x08\0\0\n").contains(if cfg!(feature = "gzip") { "the gzip stream ends too early" } else { "compressed" }));
}

#[test]
fn a_header_that_is_not_utf8_is_an_error() {
    assert!(refused(b"id,n\xE4me,price\n").contains("column 2 is not valid UTF-8"));
}

#[test]
fn the_last_line_needs_no_end() {
    assert_eq!(read("id,name,price\n1,a,\n2,b,3").unwrap().records.len(), 2);
    assert_eq!(read("id,name,price\r1,a,\r2,b,3").unwrap().records.len(), 2);
}

#[test]
fn ragged_records_are_malformed() {
    let all = read("id,name,price\n1,a\n2,b,3,4\n3,c,\n4\n").unwrap();
    assert_eq!(all.records, [item(3, "c", None)]);
    assert_eq!(all.codes(), [("ragged", 2), ("ragged", 3), ("ragged", 5)]);
    assert_eq!(all.malformed[0].1.message, "has 2 fields where the header has 3");
    assert_eq!(all.malformed[1].2.as_deref(), Some(&b"2,b,3,4"[..]));
}

#[test]
fn invalid_utf8_matters_only_where_a_text_is_read() {
    let all = read(b"id,other,name,price\n1,\xFF,a,\n2,b,\xFF,\n\xFF,b,c,\n4,\xFF,d,1\n").unwrap();
    assert_eq!(all.records, [item(1, "a", None), item(4, "d", Some(1.0))]);
    assert_eq!(all.codes(), [("not_utf8", 3), ("field", 4)]);
    assert_eq!(all.malformed[0].1.column, Some("name"));
}

#[test]
fn what_is_not_utf8_rejects_its_own_record_only() {
    let all = read(b"id,name,price\n1,\xC3\xA4,\n2,\xC3,\n3,\"\xE2\x82\xAC\"\"\",\n4,\"\xE2\x82\"\"\",\n\xC3,e,\n6,f,1\n").unwrap();
    assert_eq!(all.records, [item(1, "\u{e4}", None), item(3, "\u{20ac}\"", None), item(6, "f", Some(1.0))]);
    assert_eq!(all.codes(), [("not_utf8", 3), ("not_utf8", 5), ("field", 6)]);
}

#[test]
fn an_unclosed_quote_is_one_malformed_record() {
    let all = read("id,name,price\n1,a,\n2,\"b,\n3,c,\n").unwrap();
    assert_eq!(all.records, [item(1, "a", None)]);
    assert_eq!(all.codes(), [("unclosed_quote", 3)]);
    assert_eq!(all.malformed[0].2.as_deref(), Some(&b"2,\"b,\n3,c,\n"[..]), "the line break is inside the quotes");
}

#[test]
fn an_unclosed_quote_in_the_header_is_an_error() {
    let error = read("\"id,name,price\n1,a,\n").unwrap_err();
    assert!(error.to_string().contains("quote that is not closed"), "{error}");
}

#[test]
fn too_long_records_of_every_shape() {
    let read = |content: &str| {
        let file = file(content);
        for bytes in [1, 5_000, 1 << 20] {
            let options = csv::options().max_record(100);
            let all = drive(options.read::<Item>(file.path()).unwrap(), Wanted::new(2, bytes)).unwrap();
            assert_eq!(all.source_bytes, content.len() as u64);
            let lines: Vec<_> = all.origins.iter().map(|(at, _)| at.line.unwrap()).collect();
            if bytes == 1 << 20 {
                return (all.records.iter().map(|item| item.id).collect::<Vec<_>>(), lines, all.codes());
            }
        }
        unreachable!();
    };
    let long = |count: usize| "y".repeat(count);
    // just not and just too long, and one at the very end
    let just = long(96);
    assert_eq!(read(&format!("id,name,price\n1,{just},\n2,z{just}z,\n3,,\n")), (vec![1, 3], vec![2, 4], vec![("too_large", 3)]));
    let far = long(9_000);
    assert_eq!(read(&format!("id,name,price\n1,a,\n2,{far}")), (vec![1], vec![2], vec![("too_large", 3)]));
    // several in a row, over the ends of blocks, with line breaks inside quotes
    let quoted = format!("\"{}\n{}\"", long(9_000), long(9_000));
    assert_eq!(
        read(&format!("id,name,price\n1,{quoted},\n2,{quoted},\n3,\"{far},\"\"\n\",\n4,d,\n")),
        (vec![4], vec![8], vec![("too_large", 2), ("too_large", 4), ("too_large", 6)])
    );
    // a quote that is never closed, longer than allowed
    let (ids, _, codes) = read(&format!("id,name,price\n1,a,\n2,\"b,\n{}", "3,c,\n".repeat(5_000)));
    assert_eq!((ids, codes), (vec![1], vec![("too_large", 3)]));
}

#[test]
fn numbers_out_of_range_are_malformed() {
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Small {
        a: u8,
        b: i16,
        c: f32,
    }
    record!(Small { a: u8, b: i16, c: f32 });
    let file = file("a,b,c\n255,-32768,1\n256,0,0\n-1,0,0\n0,32768,0\n0,0,1e39\n0,99999999999999999999,0\n");
    let all = drive(csv::read::<Small>(file.path()).unwrap(), WANTED).unwrap();
    assert_eq!(all.records, [Small { a: 255, b: -32768, c: 1.0 }]);
    let said: Vec<_> = all.malformed.iter().map(|(_, malformed, _)| malformed.message.to_string()).collect();
    assert_eq!(
        said,
        [
            "column `a` is out of the range of u8",
            "column `a` is out of the range of u8",
            "column `b` is out of the range of i16",
            "column `c` is out of the range of f32",
            "column `b` is out of the range of i16"
        ]
    );
    let all = drive(csv::read_serde::<Small>(file.path()).unwrap(), WANTED).unwrap();
    assert_eq!((all.records.len(), all.malformed.len()), (1, 5));
}

#[test]
fn numbers_are_read_wherever_they_stand() {
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Pair {
        signed: i64,
        unsigned: u64,
    }
    record!(Pair { signed: i64, unsigned: u64 });
    // Short and long, in quotes, and as the last bytes of the file.
    let numbers = ["0", "7", "42", "999999", "1234567", "12345678", "123456789", "9223372036854775807"];
    for (quote, end) in [("", "\n"), ("", "\r\n"), ("\"", "\n"), ("", ""), ("\"", "")] {
        for number in numbers {
            let file = file(format!("unsigned,signed\n{quote}{number}{quote},{quote}-{number}{quote}{end}"));
            let all = drive(csv::read::<Pair>(file.path()).unwrap(), WANTED).unwrap();
            let unsigned = number.parse().unwrap();
            assert_eq!(all.records, [Pair { signed: -(unsigned as i64), unsigned }], "{number:?} {quote:?} {end:?}");
            let serde = drive(csv::read_serde::<Pair>(file.path()).unwrap(), WANTED).unwrap();
            assert_eq!(all.records, serde.records);
        }
    }
    let file = file("signed,unsigned\n-,1\n1,-\n,1\n1,\n+1,+1\n1x,1\n1,1x");
    let all = drive(csv::read::<Pair>(file.path()).unwrap(), WANTED).unwrap();
    assert_eq!(all.records, [Pair { signed: 1, unsigned: 1 }]);
    assert_eq!(all.malformed.len(), 6);
}

#[test]
fn na_is_a_missing_number_only_where_it_is_said() {
    let content = "id,name,price\n1,NA,NA\nNA,b,\n";
    let all = read(content).unwrap();
    assert_eq!(all.codes(), [("field", 2), ("field", 3)]);
    assert_eq!(all.malformed[0].1.message, "column `price` is not of type f64");
    let file = file(content);
    let all = drive(csv::options().nulls(["", "NA"]).read::<Item>(file.path()).unwrap(), WANTED).unwrap();
    assert_eq!(all.records, [item(1, "NA", None)]);
    assert_eq!(all.malformed[0].1.message, "column `id` has no value");
    let all = drive(csv::options().nulls(["NA"]).read_serde::<Item>(file.path()).unwrap(), WANTED).unwrap();
    assert_eq!(all.records, [item(1, "NA", None)]);
}

#[test]
fn messages_never_quote_a_value() {
    let all = read("id,name,price\nSECRET,a,\n1,b,SECRET\n").unwrap();
    for (_, malformed, _) in &all.malformed {
        assert!(!malformed.message.contains("SECRET"), "{malformed:?}");
    }
}

#[test]
fn nul_bytes_are_bytes_like_others() {
    let all = read("id,name,price\n1,a\0b,\n\0,c,\n").unwrap();
    assert_eq!(all.records, [item(1, "a\0b", None)]);
    assert_eq!(all.codes(), [("field", 3)]);
}

#[test]
fn quotes_inside_a_field_stand_for_themselves() {
    let all = read("id,name,price\n1,a\"b,\n2,\"a\"\"b\",\n3,\"a\"b\"c,\n4,\"\",\n").unwrap();
    let names: Vec<_> = all.records.iter().map(|item| item.name.as_str()).collect();
    assert_eq!(names, ["a\"b", "a\"b", "ab\"c", ""]);
}

#[test]
fn other_delimiters_and_quotes() {
    let file = file("id;name;price\n1;'a;''b';2,5\n");
    let all = drive(csv::options().delimiter(b';').quote(b'\'').read::<Item>(file.path()).unwrap(), WANTED).unwrap();
    assert_eq!(all.codes(), [("field", 2)]);
    for (delimiter, quote) in [(b'\n', b'"'), (b'1', b'"'), (b'.', b'"'), (b',', b','), (0xFF, b'"')] {
        let error = csv::options().delimiter(delimiter).quote(quote).read::<Item>(file.path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
    }
}

#[test]
fn the_file_may_change_between_validating_and_reading() {
    let file = file("id,name,price\n1,a,\n");
    let mut source = csv::read::<Item>(file.path()).unwrap();
    block_on(source.validate()).unwrap();
    fs::write(file.path(), "name,id,price\nb,2,\n").unwrap();
    let decoded = block_on(source.read(WANTED)).unwrap().unwrap().decode();
    assert_eq!(decoded.records, [item(2, "b", None)]);
}

#[test]
fn info_says_what_is_known() {
    let file = file("id,name,price\n");
    let info = csv::read::<Item>(file.path()).unwrap().info();
    assert_eq!((info.bytes, info.replayable), (Some(14), true));
    assert_eq!(info.name, file.path().display().to_string());
}

#[test]
fn chunks_hold_about_what_is_wanted() {
    let content = format!("id,name,price\n{}", "1,abc,\n".repeat(10_000));
    let all = read_in_blocks(&content, Wanted::new(100, 1 << 20)).unwrap();
    assert_eq!((all.records.len(), all.chunks), (10_000, 100));
    let all = read_in_blocks(&content, Wanted::new(1 << 20, 7_000)).unwrap();
    assert_eq!(all.records.len(), 10_000);
    assert!((9..=11).contains(&all.chunks), "{}", all.chunks);
    assert_eq!(all.origins.last().unwrap().0.line, Some(10_001));
}

#[test]
fn a_wide_record_reads_every_type() {
    let file = file(
        "truth,tiny,small,medium,large,utiny,usmall,umedium,ularge,single,double,text,compact,maybe_truth,maybe_number,maybe_double,maybe_text,hidden\n\
         TRUE,-1,-2,-3,-4,1,2,3,4,0.5,-1e300,t,c,,,,,h\n",
    );
    let all = drive(csv::read::<Everything>(file.path()).unwrap(), WANTED).unwrap();
    assert_eq!(all.records.len(), 1, "{:?}", all.malformed);
    assert!(all.records[0].truth && all.records[0].maybe_text.is_none());
}
