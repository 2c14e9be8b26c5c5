//! A line is a record exactly where `serde_json` says so, whatever the bytes and the blocks.
#![no_main]

use etl_connectors::jsonl;
use etl_core::record::Record;
use etl_fuzz::{Typed, choices, file, read, wanted};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, PartialEq, serde::Deserialize)]
#[serde(transparent)]
struct Object(serde_json::Map<String, serde_json::Value>);

impl Record for Object {}

fuzz_target!(|data: &[u8]| {
    let Some(([records, blocks], rest)) = choices(data) else { return };
    let wanted = wanted(records, blocks);
    if rest.starts_with(b"\x1F\x8B") || rest.starts_with(b"\x28\xB5\x2F\xFD") {
        return;
    }
    let path = file(rest);
    let (objects, _) = read(jsonl::read_serde::<Object>(path).expect("nothing is opened"), None, wanted).expect("any bytes are lines");
    let text = rest.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(rest);
    let blank = |line: &&[u8]| line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'));
    let lines: Vec<_> = text.split(|byte| *byte == b'\n').filter(|line| !blank(line)).collect();
    assert_eq!(objects.len(), lines.len(), "each line that is not blank is a record");
    for (seen, line) in objects.iter().zip(&lines) {
        assert_eq!(seen.record.as_ref().ok(), serde_json::from_slice(line).ok().as_ref());
    }

    // By our own decoder: what it takes, serde takes with the same values, and it never takes less.
    let (codec, _) = read(jsonl::read::<Typed>(path).expect("nothing is opened"), None, wanted).expect("any bytes are lines");
    let (serde, _) = read(jsonl::read_serde::<Typed>(path).expect("nothing is opened"), None, wanted).expect("any bytes are lines");
    assert_eq!((codec.len(), serde.len()), (lines.len(), lines.len()));
    for (codec, serde) in codec.iter().zip(&serde) {
        assert_eq!((&codec.position, &codec.payload), (&serde.position, &serde.payload));
        // Of a key that stands twice the last one counts here, and serde refuses it.
        if let Ok(serde) = &serde.record {
            assert_eq!(codec.record.as_ref(), Ok(serde));
        }
    }
});
