//! CSV is split as the `csv` crate splits it, whatever the bytes and the blocks; and binding to columns by
//! name never panics.
#![no_main]

use etl_connectors::csv as ours;
use etl_fuzz::{Raw, Seen, Typed, choices, file, read, wanted};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(([records, blocks, limit], rest)) = choices(data) else { return };
    let wanted = wanted(records, blocks);

    // Rows under a header that is known: the same as the crate's.
    let content = [b"a,b,c\n", rest].concat();
    let path = file(&content);
    let (seen, _) = read(ours::read::<Raw>(path).expect("nothing is opened"), None, wanted).expect("the header is good");
    let theirs: Vec<_> = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(&content[..])
        .into_byte_records()
        .map(|record| record.expect("bytes are never an error"))
        .collect();
    assert_eq!(seen.len(), theirs.len(), "as many records");
    for (index, (Seen { record, position, payload }, theirs)) in seen.iter().zip(&theirs).enumerate() {
        assert_eq!(position.ordinal, index as u64);
        let (byte, payload) = (position.byte.expect("a file has bytes") as usize, payload.as_deref().expect("nothing is too long"));
        assert_eq!(&content[byte..][..payload.len()], payload, "the payload is what stands there");
        match record {
            Ok(raw) => assert_eq!(raw.fields.each_ref().map(|field| &field[..]), [&theirs[0], &theirs[1], &theirs[2]]),
            Err("ragged") => assert_ne!(theirs.len(), 3),
            // The crate takes what is there.
            Err("unclosed_quote") => assert_eq!(index + 1, seen.len()),
            Err(code) => panic!("{code}"),
        }
    }

    // Any file, any header, any limit, both decoders: the same records or the same refusal.
    let path = file(rest);
    let options = || ours::options().max_record(usize::from(limit) * 40 + 1).nulls(["", "NA"]);
    let codec = read(options().read::<Typed>(path).expect("nothing is opened"), None, wanted);
    let serde = read(options().read_serde::<Typed>(path).expect("nothing is opened"), None, wanted);
    if let (Ok((codec, _)), Ok((serde, _))) = (codec, serde) {
        assert_eq!(codec.len(), serde.len());
        for (codec, serde) in codec.iter().zip(&serde) {
            assert_eq!(codec.position, serde.position);
            assert_eq!(codec.record.is_ok(), serde.record.is_ok(), "{codec:?} {serde:?}");
        }
    }
});
