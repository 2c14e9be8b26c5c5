//! A source goes on where an earlier run stopped: I1, I2 and the line "resume needs no flag" of the
//! issue, as far as sources are concerned.
//!
//! Whatever the file, and wherever a reading of it stopped: what is read from there on are exactly the
//! records that an uninterrupted reading has behind that place, with the same positions. Of a file that
//! has grown in the meantime, that holds or it is refused.
#![cfg(all(feature = "csv", feature = "jsonl", feature = "gzip", feature = "zstd"))]

mod common;

use std::fs;
use std::io::Write;
use std::path::Path;

use common::{Item, record};
use etl_connectors::{csv, jsonl};
use etl_core::Error;
use etl_core::position::{Cursor, Position};
use etl_core::record::Record;
use etl_core::source::{BoxSource, Sameness, Source, Wanted};
use futures::executor::block_on;
use proptest::prelude::*;

/// Three columns of raw bytes.
#[derive(Debug, Clone, PartialEq)]
struct Raw {
    a: Vec<u8>,
    b: Vec<u8>,
    c: Vec<u8>,
}

record!(Raw { a: Vec<u8>, b: Vec<u8>, c: Vec<u8> });

/// A record, or why it is none, with its place and its bytes.
type Seen = (Position, String, Option<Vec<u8>>);

/// What was read up to a place.
struct Stop {
    seen: Vec<Seen>,
    end: Cursor,
}

/// Reads to the end from a place; one stop for each chunk.
fn stops<T: Record + std::fmt::Debug>(mut source: BoxSource<'_, T>, from: Option<Cursor>, wanted: Wanted) -> Result<Vec<Stop>, Error> {
    block_on(source.validate())?;
    if let Some(from) = from {
        assert_eq!(block_on(source.seek(from))?, from, "these sources begin exactly there");
    }
    let mut stops = Vec::new();
    while let Some(chunk) = block_on(source.read(wanted))? {
        let decoded = chunk.decode();
        let inputs = decoded.inputs.unwrap_or_else(|| (0..decoded.records.len() as u32).collect());
        let good = inputs.iter().copied().zip(decoded.records.iter().map(|record| format!("{record:?}")));
        let bad = decoded.malformed.iter().map(|malformed| (malformed.index, format!("{} {}", malformed.code, malformed.message)));
        let mut all: Vec<_> = good.chain(bad).collect();
        all.sort_unstable();
        let count = all.len() as u32;
        let end = decoded.origin.end(count);
        let seen: Vec<Seen> = all
            .into_iter()
            .map(|(index, what)| (decoded.origin.position(index), what, decoded.origin.payload(index).map(|bytes| bytes.into_owned())))
            .collect();
        for index in 1..count {
            let (end, at) = (decoded.origin.end(index), &seen[index as usize].0);
            assert_eq!(
                (end.ordinal, end.byte, end.line),
                (at.ordinal, at.byte, at.line),
                "a part of a chunk ends where its next record begins"
            );
        }
        stops.push(Stop { seen, end });
    }
    assert!(block_on(source.read(wanted))?.is_none(), "the end stays the end");
    Ok(stops)
}

fn flat(stops: Vec<Stop>) -> Vec<Seen> {
    stops.into_iter().flat_map(|stop| stop.seen).collect()
}

#[derive(Clone, Copy, Debug)]
enum Format {
    Csv { max_record: usize },
    Jsonl { max_record: usize },
}

#[derive(Clone, Copy, Debug)]
enum Packing {
    Plain,
    Gzip,
    Zstd,
}

impl Packing {
    /// Compressed in two members.
    fn pack(self, content: &[u8]) -> Vec<u8> {
        let (first, second) = content.split_at(content.len() / 2);
        let gzip = |bytes: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        };
        match self {
            Self::Plain => content.to_vec(),
            Self::Gzip => [gzip(first), gzip(second)].concat(),
            Self::Zstd => [::zstd::encode_all(first, 1).unwrap(), ::zstd::encode_all(second, 1).unwrap()].concat(),
        }
    }
}

fn read(format: Format, path: &Path, from: Option<Cursor>, wanted: Wanted) -> Result<Vec<Stop>, Error> {
    match format {
        Format::Csv { max_record } => {
            stops(Box::new(csv::options().max_record(max_record).read::<Raw>(path).unwrap()) as BoxSource<'_, Raw>, from, wanted)
        }
        Format::Jsonl { max_record } => {
            stops(Box::new(jsonl::options().max_record(max_record).read::<Item>(path).unwrap()) as BoxSource<'_, Item>, from, wanted)
        }
    }
}

/// From every stop of one reading, the rest is that of a reading in other chunks.
fn resumes(format: Format, packing: Packing, content: &[u8], one: Wanted, other: Wanted) -> Result<(), TestCaseError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), packing.pack(content)).unwrap();
    let whole = flat(read(format, file.path(), None, other).unwrap());
    let stops = read(format, file.path(), None, one).unwrap();
    let ends: Vec<_> = stops.iter().map(|stop| stop.end).collect();
    prop_assert_eq!(&flat(stops), &whole, "chunks do not show");
    // Of many stops, some.
    for end in ends.iter().step_by(ends.len() / 40 + 1).chain(ends.last()) {
        let rest = flat(read(format, file.path(), Some(*end), other).unwrap());
        prop_assert_eq!(&rest[..], &whole[end.ordinal as usize..], "from {:?}", end);
    }
    Ok(())
}

/// A file that is read whole, and then grows: going on is right, or is refused.
fn grows(format: Format, packing: Packing, content: &[u8], cut: usize, wanted: Wanted) -> Result<(), TestCaseError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), packing.pack(&content[..cut])).unwrap();
    let Ok(before) = read(format, file.path(), None, wanted) else { return Ok(()) };
    let Some(end) = before.last().map(|stop| stop.end) else { return Ok(()) };
    let before = flat(before);
    fs::write(file.path(), packing.pack(content)).unwrap();
    let now = flat(read(format, file.path(), None, wanted).unwrap());
    let kept = now.len() >= before.len() && now[..before.len()] == before;
    match read(format, file.path(), Some(end), wanted) {
        Ok(rest) => {
            prop_assert!(kept, "went on although what was read has changed");
            prop_assert_eq!(&flat(rest)[..], &now[before.len()..]);
        }
        Err(error) => {
            prop_assert_eq!(error.code(), "source_changed");
            let last_was_skipped = before.last().is_some_and(|(_, what, _)| what.starts_with("too_large"));
            prop_assert!(!kept || last_was_skipped, "refused although nothing has changed");
        }
    }
    Ok(())
}

fn csv_content() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => Just("1,2,3\n".to_owned()),
        3 => Just(",".to_owned()),
        2 => Just("\"".to_owned()),
        1 => Just("\"a\n\r\nb\",\"\"\"\",c\r\n".to_owned()),
        3 => Just("\n".to_owned()),
        1 => Just("\r\n".to_owned()),
        1 => Just("\r".to_owned()),
        2 => Just("x".to_owned()),
        1 => (1_usize..90).prop_map(|count| "y".repeat(count)),
        1 => (1_usize..90).prop_map(|count| "\n".repeat(count)),
    ];
    let bom = prop_oneof![4 => Just(""), 1 => Just("\u{feff}")];
    (bom, prop::collection::vec(piece, 0..60)).prop_map(|(bom, pieces)| format!("{bom}a,b,c\n{}", pieces.concat()).into_bytes())
}

fn jsonl_content() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => Just("{\"id\":1,\"name\":\"a\"}\n".to_owned()),
        1 => Just("{\"id\":2,\"name\":\"b\"}\r\n".to_owned()),
        1 => Just("{\"id\":3,\"name\":\"c\"}".to_owned()),
        3 => Just("\n".to_owned()),
        2 => Just("\r".to_owned()),
        1 => Just("x".to_owned()),
        1 => Just("\u{c}".to_owned()),
        2 => (1_usize..90).prop_map(|count| " ".repeat(count)),
        1 => (1_usize..90).prop_map(|count| "y".repeat(count)),
        1 => (1_usize..90).prop_map(|count| " \n".repeat(count)),
    ];
    let bom = prop_oneof![4 => Just(""), 1 => Just("\u{feff}")];
    (bom, prop::collection::vec(piece, 0..60)).prop_map(|(bom, pieces)| format!("{bom}{}", pieces.concat()).into_bytes())
}

fn content() -> impl Strategy<Value = (Format, Vec<u8>)> {
    let max_record = prop_oneof![Just(50_usize), Just(3_000), Just(usize::MAX)];
    prop_oneof![
        (max_record.clone(), csv_content()).prop_map(|(max_record, content)| (Format::Csv { max_record }, content)),
        (max_record, jsonl_content()).prop_map(|(max_record, content)| (Format::Jsonl { max_record }, content)),
    ]
}

fn packing() -> impl Strategy<Value = Packing> {
    prop_oneof![4 => Just(Packing::Plain), 1 => Just(Packing::Gzip), 1 => Just(Packing::Zstd)]
}

fn wanted() -> impl Strategy<Value = Wanted> {
    prop_oneof![
        (1_usize..6).prop_map(|records| Wanted::new(records, 1 << 20)),
        (1_usize..9_000).prop_map(|bytes| Wanted::new(1 << 20, bytes))
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn from_any_stop_the_rest_is_that_of_an_uninterrupted_reading(
        (format, content) in content(), packing in packing(), one in wanted(), other in wanted(),
    ) {
        resumes(format, packing, &content, one, other)?;
    }

    #[test]
    fn of_a_file_that_has_grown_the_rest_is_right_or_refused(
        (format, content) in content(), packing in packing(), cut in any::<prop::sample::Index>(), wanted in wanted(),
    ) {
        grows(format, packing, &content, cut.index(content.len() + 1), wanted)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Longer than several of the smallest blocks, which therefore end anywhere.
    #[test]
    fn from_any_stop_in_many_blocks(
        (format, content) in content(), times in 5_usize..40, packing in packing(), one in wanted(), other in wanted(),
    ) {
        let header = if matches!(format, Format::Csv { .. }) { content.iter().position(|byte| *byte == b'\n').unwrap_or(0) + 1 } else { 0 };
        let body = content[header..].repeat(times);
        resumes(format, packing, &[&content[..header], &body].concat(), one, other)?;
    }
}

fn place(content: &str) -> (tempfile::NamedTempFile, Cursor) {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), content).unwrap();
    let end = csv_stops(file.path(), None).unwrap().last().unwrap().end;
    (file, end)
}

fn csv_stops(path: &Path, from: Option<Cursor>) -> Result<Vec<Stop>, Error> {
    read(Format::Csv { max_record: usize::MAX }, path, from, Wanted::new(100, 1 << 20))
}

/// The exact places, so that nobody changes what a checkpoint holds by accident.
#[test]
fn a_place_is_the_byte_and_the_line_behind_the_last_record() {
    assert_eq!(place("a,b,c\n1,2,3\n").1, Cursor { ordinal: 1, byte: Some(12), line: Some(3) });
    assert_eq!(place("a,b,c\n\"\n\",2,3\r\n\n").1, Cursor { ordinal: 1, byte: Some(16), line: Some(5) });
    assert_eq!(place("a,b,c\n1,2,3").1, Cursor { ordinal: 1, byte: Some(11), line: None }, "no line end: the record may go on");
}

#[test]
fn a_record_without_a_line_end_may_get_one_but_not_go_on() {
    let (file, end) = place("a,b,c\n0,0,0\n1,2,3");
    assert!(csv_stops(file.path(), Some(end)).unwrap().is_empty(), "nothing has changed");
    fs::write(file.path(), "a,b,c\n0,0,0\n1,2,3\n4,5,6\n").unwrap();
    let rest = flat(csv_stops(file.path(), Some(end)).unwrap());
    assert_eq!(rest.iter().map(|(at, ..)| (at.ordinal, at.byte, at.line)).collect::<Vec<_>>(), [(2, Some(18), Some(4))]);
    fs::write(file.path(), "a,b,c\n0,0,0\n1,2,34\n4,5,6\n").unwrap();
    let error = csv_stops(file.path(), Some(end)).map(drop).unwrap_err();
    assert_eq!(error.code(), "source_changed");
    assert!(error.advice().is_some());
}

#[test]
fn a_file_that_was_replaced_or_cut_is_refused() {
    let (file, end) = place("a,b,c\n1,2,3\n4,5,6\n");
    let mut source = csv::read::<Raw>(file.path()).unwrap();
    let before = source.identity(None).unwrap().unwrap();
    for (content, sameness) in [
        ("a,b,c\n1,2,3\n", Sameness::Shorter),
        ("a,b,c\n1,2,33333\n4,5,6\n", Sameness::Other),
        ("a,b,c\n1,2,3\n4,5,6\n7,8,9\n", Sameness::Same),
    ] {
        fs::write(file.path(), content).unwrap();
        assert_eq!(source.identity(Some(before.head)).unwrap().unwrap().compare(&before), sameness);
        let sought = block_on(source.seek(end));
        assert_eq!(sought.err().map(|error| error.code()), (sameness != Sameness::Same).then_some("source_changed"));
    }
}

/// A place that is none of a source with bytes is its beginning; the engine passes over the rest.
#[test]
fn a_place_without_a_byte_is_the_beginning() {
    let (file, _) = place("a,b,c\n1,2,3\n4,5,6\n");
    let mut source = csv::read::<Raw>(file.path()).unwrap();
    assert_eq!(block_on(source.seek(Cursor::record(1))).unwrap(), Cursor::default());
    let decoded = block_on(source.read(Wanted::new(100, 1 << 20))).unwrap().unwrap().decode();
    assert_eq!((decoded.records.len(), decoded.origin.position(0).ordinal), (2, 0));
}
