//! Bytes that claim to be compressed end in records or in an error that has a name, and never in more text
//! than allowed; what was compressed here is read back, and cut off it is never taken for whole.
#![no_main]

use std::io::Write;

use etl_connectors::jsonl;
use etl_fuzz::{Typed, choices, file, read, wanted};
use libfuzzer_sys::fuzz_target;

/// As bytes of text.
const LIMIT: u64 = 1 << 20;

fuzz_target!(|data: &[u8]| {
    let Some(([records, blocks, kind, cut], rest)) = choices(data) else { return };
    let wanted = wanted(records, blocks);
    let options = || jsonl::options().max_decompressed(LIMIT).max_ratio(100);
    let all = |content: &[u8]| read(options().read::<Typed>(file(content)).expect("nothing is opened"), None, wanted);

    // Whatever follows the magic bytes.
    let magic: &[u8] = if kind & 1 == 0 { b"\x1F\x8B" } else { b"\x28\xB5\x2F\xFD" };
    match all(&[magic, rest].concat()) {
        Ok((seen, _)) => {
            let end = seen.last().and_then(|seen| seen.position.byte).unwrap_or(0);
            assert!(end <= LIMIT);
        }
        Err(error) => assert!(["decompression_limit", "truncated", "damaged", "compressed"].contains(&error.code()), "{error}"),
    }

    // What was compressed here.
    if rest.starts_with(b"\x1F\x8B") || rest.starts_with(b"\x28\xB5\x2F\xFD") || rest.len() as u64 > LIMIT {
        return;
    }
    let (plain, plain_ends) = all(rest).expect("any bytes are lines");
    let packed = pack(kind, rest);
    let (unpacked, ends) = all(&packed).expect("it is whole");
    assert_eq!((unpacked, &ends), (plain, &plain_ends));
    if let Some(end) = ends.first() {
        let path = file(&packed);
        let (rest, _) = read(options().read::<Typed>(path).expect("nothing is opened"), Some(*end), wanted).expect("nothing has changed");
        assert_eq!(rest.first().map(|seen| seen.position.ordinal), (ends.len() > 1).then_some(end.ordinal));
    }
    let cut = (usize::from(cut) * packed.len() / 256).max(4);
    if cut < packed.len() {
        let error = all(&packed[..cut]).expect_err("it is not whole");
        assert_eq!(error.code(), "truncated");
    }
});

fn pack(kind: u8, text: &[u8]) -> Vec<u8> {
    if kind & 1 == 0 {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).expect("memory takes it");
        encoder.finish().expect("memory takes it")
    } else {
        zstd::encode_all(text, 1).expect("memory takes it")
    }
}
