//! A place in a file is found again, in a file that has grown too, or refused by name: a place that no reading
//! has given never panics.
#![no_main]

use etl_connectors::{csv, jsonl};
use etl_core::Error;
use etl_core::position::Cursor;
use etl_core::source::Wanted;
use etl_fuzz::{All, Raw, Typed, choices, file, read, wanted};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(([format, records, blocks, limit, cut, which, ordinal, byte, line], rest)) = choices(data) else { return };
    let (one, other) = (wanted(records, blocks), wanted(blocks, records));
    // The header fits.
    let limit = usize::from(limit) * 40 + 5;
    let place =
        Cursor { ordinal: u64::from(ordinal), byte: (byte > 0).then_some(u64::from(byte)), line: (line > 0).then_some(u64::from(line)) };
    let cut = usize::from(cut) * rest.len() / 255;
    if format & 1 == 0 {
        let content = [b"a,b,c\n", rest].concat();
        let records = |content: &[u8], from, wanted| {
            read(csv::options().max_record(limit).read::<Raw>(file(content)).expect("nothing is opened"), from, wanted)
        };
        check(records, &content, 6 + cut, usize::from(which), place, one, other);
    } else if !rest.starts_with(b"\x1F\x8B") && !rest.starts_with(b"\x28\xB5\x2F\xFD") {
        let records = |content: &[u8], from, wanted| {
            read(jsonl::options().max_record(limit).read::<Typed>(file(content)).expect("nothing is opened"), from, wanted)
        };
        check(records, rest, cut, usize::from(which), place, one, other);
    }
});

fn check<T: PartialEq + std::fmt::Debug>(
    records: impl Fn(&[u8], Option<Cursor>, Wanted) -> Result<All<T>, Error>,
    content: &[u8],
    cut: usize,
    which: usize,
    place: Cursor,
    one: Wanted,
    other: Wanted,
) {
    let (whole, _) = records(content, None, other).expect("nothing is compressed");
    // From a place of a reading in other chunks.
    let (again, ends) = records(content, None, one).expect("nothing is compressed");
    assert_eq!(again, whole, "chunks do not show");
    if let Some(end) = ends.get(which % ends.len().max(1)) {
        let (rest, _) = records(content, Some(*end), other).expect("nothing has changed");
        assert_eq!(rest, whole[end.ordinal as usize..]);
    }
    // From the end of what was there before it grew.
    let (before, ends) = match records(&content[..cut], None, one) {
        Ok(read) => read,
        Err(error) => panic!("{error}"),
    };
    if let Some(end) = ends.last() {
        match records(content, Some(*end), other) {
            Ok((rest, _)) => {
                // Blanks may have come behind the last record, which say nothing, and make it too large.
                let blanks = content[cut..].iter().take_while(|byte| **byte != b'\n').all(u8::is_ascii_whitespace);
                let last = before.len() - 1;
                let same = if blanks && whole[last].record == Err("too_large") { last } else { last + 1 };
                assert_eq!(before[..same], whole[..same], "went on although what was read has changed");
                assert_eq!(rest, whole[before.len()..]);
            }
            Err(error) => assert_eq!(error.code(), "source_changed"),
        }
    }
    // From anywhere.
    if let Err(error) = records(content, Some(place), other) {
        assert_eq!(error.code(), "source_changed");
    }
}
