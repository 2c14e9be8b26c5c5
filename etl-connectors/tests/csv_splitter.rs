//! Whatever the bytes and the size of the blocks: records, fields, offsets and lines are those of
//! the `csv` crate.
#![cfg(feature = "csv")]

mod common;

use std::fs;

use common::{drive, record};
use etl_connectors::csv as ours;
use etl_core::source::Wanted;
use proptest::prelude::*;

/// Three columns of raw bytes.
#[derive(Debug, Clone, PartialEq)]
struct Raw {
    a: Vec<u8>,
    b: Vec<u8>,
    c: Vec<u8>,
}

record!(Raw { a: Vec<u8>, b: Vec<u8>, c: Vec<u8> });

#[derive(Debug, PartialEq)]
enum Seen {
    Record { fields: Vec<Vec<u8>>, byte: u64, line: u64 },
    Ragged { byte: u64, line: u64 },
}

impl Seen {
    fn byte(&self) -> u64 {
        let (Self::Record { byte, .. } | Self::Ragged { byte, .. }) = self;
        *byte
    }
}

fn by_csv(content: &[u8]) -> (Vec<Seen>, bool) {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(content);
    let mut record = csv::ByteRecord::new();
    let mut all = Vec::new();
    let (mut line, mut counted) = (1, 0);
    while reader.read_byte_record(&mut record).unwrap() {
        let position = record.position().unwrap();
        // The crate's position is that of the line breaks before the record.
        let start = position.byte() as usize;
        let blank = content[start..].iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        let byte = (start + blank) as u64;
        line += content[counted..start + blank].iter().filter(|byte| **byte == b'\n').count() as u64;
        counted = start + blank;
        all.push(if record.len() == 3 {
            Seen::Record { fields: record.iter().map(<[u8]>::to_vec).collect(), byte, line }
        } else {
            Seen::Ragged { byte, line }
        });
    }
    // Whether the last record ends inside quotes shows in what a closing quote changes.
    let mut closed = content.to_vec();
    closed.extend_from_slice(b"\n\"probe\n");
    let count = csv::ReaderBuilder::new().flexible(true).from_reader(&closed[..]).into_byte_records().count();
    let unclosed = !content.is_empty() && count == all.len();
    (all, unclosed)
}

fn by_us(content: &[u8], wanted: Wanted, max_record: usize) -> Vec<Seen> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), content).unwrap();
    let all = drive(ours::options().max_record(max_record).read::<Raw>(file.path()).unwrap(), wanted).unwrap();
    let good = all.records.into_iter().zip(all.origins).map(|(raw, (at, payload))| {
        let payload = payload.unwrap();
        let byte = at.byte.unwrap();
        assert_eq!(content[byte as usize..][..payload.len()], payload, "the payload is what stands there");
        (at.ordinal, Seen::Record { fields: vec![raw.a, raw.b, raw.c], byte, line: at.line.unwrap() })
    });
    let bad = all.malformed.into_iter().map(|(at, ..)| (at.ordinal, Seen::Ragged { byte: at.byte.unwrap(), line: at.line.unwrap() }));
    let mut seen: Vec<_> = good.chain(bad).collect();
    seen.sort_by_key(|(ordinal, _)| *ordinal);
    seen.into_iter().map(|(_, seen)| seen).collect()
}

/// Bytes of which nearly all mean something to CSV.
fn nasty() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        3 => Just(b",".to_vec()),
        3 => Just(b"\"".to_vec()),
        1 => Just(b"\"\"".to_vec()),
        2 => Just(b"\n".to_vec()),
        1 => Just(b"\r\n".to_vec()),
        1 => Just(b"\r".to_vec()),
        3 => Just(b"x".to_vec()),
        1 => Just(b"longer than eight".to_vec()),
        1 => Just(b"\0\xff".to_vec()),
    ];
    prop::collection::vec(piece, 0..120).prop_map(|pieces| pieces.concat())
}

/// What programs write: three fields a line, quoted where they must be, or more often.
fn ordinary() -> impl Strategy<Value = Vec<u8>> {
    let field = prop_oneof![
        "[a-z0-9]{0,12}".prop_map(String::from),
        "[a-z\",\n\r]{0,30}".prop_map(|text| format!("\"{}\"", text.replace('"', "\"\""))),
    ];
    let end = prop_oneof![Just("\n"), Just("\r\n")];
    prop::collection::vec((field.clone(), field.clone(), field, end), 0..60)
        .prop_map(|records| records.into_iter().map(|(a, b, c, end)| format!("{a},{b},{c}{end}")).collect::<String>().into_bytes())
}

/// Longer than the smallest block.
fn long() -> impl Strategy<Value = Vec<u8>> {
    (prop_oneof![Just("z"), Just(",\"z"), Just("z\n")], 4_000_usize..12_000)
        .prop_map(|(text, times)| text.repeat(times / text.len()).into_bytes())
}

/// Texts and numbers, and bytes that are neither: nearly every piece has some that are not UTF-8.
fn mixed() -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof![
        4 => "[a-z\u{e4}\u{20ac}]{0,12}".prop_map(String::into_bytes),
        2 => "[a-z\u{e4}\",]{0,12}".prop_map(|text| format!("\"{}\"", text.replace('"', "\"\"")).into_bytes()),
        1 => prop::sample::select(vec![b"\xFF".to_vec(), b"a\xE2\x82".to_vec(), b"\"\"\"\xC3\"".to_vec()]),
    ];
    let number = prop_oneof![4 => any::<i16>().prop_map(i64::from), 1 => any::<i64>()].prop_map(|number| number.to_string().into_bytes());
    let number = prop_oneof![8 => number, 1 => "[-+0-9x]{0,9}".prop_map(String::into_bytes)];
    let end = prop_oneof![Just(b"\n".to_vec()), Just(b"\r\n".to_vec())];
    let record =
        (text.clone(), number, text, end).prop_map(|(a, b, c, end)| [&a[..], &b, &c].join(&b','.to_owned()).into_iter().chain(end));
    prop::collection::vec(record, 1..40).prop_map(|records| records.into_iter().flatten().collect())
}

/// A text, a number and a text.
#[derive(Debug, PartialEq)]
struct Typed {
    a: String,
    b: i64,
    c: String,
}

record!(Typed { a: String, b: i64, c: String });

impl Typed {
    fn from_csv(record: &csv::ByteRecord) -> Option<Self> {
        let text = |index: usize| String::from_utf8(record[index].to_vec()).ok();
        Some(Self { a: text(0)?, b: text(1)?.parse().ok()?, c: text(2)? })
    }
}

fn agree(content: &[u8], records: usize, bytes: usize) -> Result<(), TestCaseError> {
    let mut whole = b"a,b,c\n".to_vec();
    whole.extend_from_slice(content);
    let (mut theirs, unclosed) = by_csv(&whole);
    if unclosed && let Some(last) = theirs.last_mut() {
        // The crate takes what is there; here the record is malformed.
        let (Seen::Record { byte, line, .. } | Seen::Ragged { byte, line }) = last;
        *last = Seen::Ragged { byte: *byte, line: *line };
    }
    prop_assert_eq!(by_us(&whole, Wanted::new(records, bytes), usize::MAX), &theirs[..]);
    // With a limit, longer records are malformed and the others are the same.
    let max_record = 3_000;
    let starts: Vec<_> = theirs.iter().map(Seen::byte).chain([whole.len() as u64]).collect();
    for (seen, bounds) in theirs.iter_mut().zip(starts.windows(2)) {
        let raw = &whole[bounds[0] as usize..bounds[1] as usize];
        let length = raw.len() - raw.iter().rev().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        if length > max_record {
            let (Seen::Record { byte, line, .. } | Seen::Ragged { byte, line }) = seen;
            *seen = Seen::Ragged { byte: *byte, line: *line };
        }
    }
    prop_assert_eq!(by_us(&whole, Wanted::new(records, bytes), max_record), theirs);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nasty_bytes_split_as_in_the_csv_crate(content in nasty(), records in 1_usize..20) {
        agree(&content, records, 1 << 20)?;
    }

    #[test]
    fn ordinary_files_split_as_in_the_csv_crate(content in ordinary(), records in 1_usize..20) {
        agree(&content, records, 1 << 20)?;
    }

    #[test]
    fn values_are_those_of_the_csv_crate_and_of_rust(content in mixed(), records in 1_usize..20) {
        let mut whole = b"a,b,c\n".to_vec();
        whole.extend_from_slice(&content);
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), &whole).unwrap();
        let ours = drive(ours::read::<Typed>(file.path()).unwrap(), Wanted::new(records, 1 << 20)).unwrap();
        let theirs: Vec<_> = csv::Reader::from_reader(&whole[..]).byte_records().map(|record| Typed::from_csv(&record.unwrap())).collect();
        prop_assert_eq!(ours.malformed.len(), theirs.iter().filter(|typed| typed.is_none()).count());
        prop_assert_eq!(ours.records, theirs.into_iter().flatten().collect::<Vec<_>>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    /// Many small contents one behind the other, so that blocks end anywhere.
    #[test]
    fn blocks_of_any_size_split_as_in_the_csv_crate(
        contents in prop::collection::vec(prop_oneof![6 => nasty(), 6 => ordinary(), 1 => long()], 10..60),
        records in 1_usize..2_000,
        bytes in 1_usize..40_000,
    ) {
        agree(&contents.concat(), records, bytes)?;
    }
}
