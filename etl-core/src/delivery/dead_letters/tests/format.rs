//! A line is read as it was written, and whatever else stands there is refused without a word of it.

use std::borrow::Cow;

use proptest::prelude::*;

use super::super::id::LetterId;
use super::super::line::{Encoding, Fault, LetterLine, Line, RecordId, Tombstone, Why, decode, kept};

fn text() -> impl Strategy<Value = Cow<'static, str>> {
    prop_oneof!["[a-z.]{0,8}", ".*", Just("\u{1b}[31m\n\"\\\u{202e}".to_owned())].prop_map(Cow::Owned)
}

fn record() -> impl Strategy<Value = RecordId<'static>> {
    (text(), any::<u32>(), text(), any::<Option<u64>>(), any::<u64>(), any::<Option<u64>>()).prop_map(
        |(pipeline, replay_epoch, partition, offset, ordinal, line)| RecordId { pipeline, replay_epoch, partition, offset, ordinal, line },
    )
}

fn id() -> impl Strategy<Value = LetterId> {
    letter().prop_map(|letter| letter.id())
}

fn letter() -> impl Strategy<Value = LetterLine<'static>> {
    let texts = (text(), text(), text(), text(), prop::option::of(text()), text(), text(), text());
    (record(), texts, any::<u32>(), any::<u64>(), prop::option::of((any::<bool>(), any::<Vec<u8>>()))).prop_map(
        |(record, (stage, kind, code, message, column, first_seen, last_seen, run_id), attempts, batch_start, bytes)| {
            let encoding = bytes.as_ref().map_or(Encoding::Nothing, |(json, _)| if *json { Encoding::Json } else { Encoding::Source });
            let (payload, digest) = bytes.map(|(_, bytes)| kept(&bytes)).unzip();
            let payload = payload.map(Cow::Owned);
            let replaces = Vec::new();
            LetterLine {
                record,
                stage,
                kind,
                code,
                message,
                column,
                attempts,
                first_seen,
                last_seen,
                run_id,
                batch_start,
                encoding,
                payload,
                digest,
                replaces,
            }
        },
    )
}

fn line() -> impl Strategy<Value = Line<'static>> {
    let tombstone = (id(), any::<bool>(), text(), prop::option::of(text())).prop_map(|(letter, replayed, at, run_id)| {
        Line::Tombstone(Tombstone { letter, why: if replayed { Why::Replayed } else { Why::Discarded }, at, run_id })
    });
    let letter = (letter(), prop::collection::vec(id(), 0..3))
        .prop_map(|(letter, replaces)| Line::Letter(Box::new(LetterLine { replaces, ..letter })));
    prop_oneof![letter, tombstone]
}

fn encoded(line: &Line<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    line.encode(&mut bytes);
    bytes
}

proptest! {
    #[test]
    fn a_line_is_read_as_it_was_written(line in line()) {
        let bytes = encoded(&line);
        prop_assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), 1, "one line");
        prop_assert_eq!(decode(bytes.trim_ascii()), Ok(line));
    }

    #[test]
    fn damage_is_refused_or_harmless_and_never_a_panic(line in line(), hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8), cut: prop::sample::Index) {
        let mut bytes = encoded(&line);
        let length = bytes.len();
        for (place, byte) in hits {
            bytes[place.index(length)] = byte;
        }
        if let Ok(Line::Letter(letter)) = decode(&bytes) {
            let _either = letter.bytes();
        }
        let half = &bytes[..cut.index(length)];
        let _either = decode(half);
    }

    #[test]
    fn anything_is_read_without_a_panic(bytes: Vec<u8>) {
        prop_assert!(decode(&bytes).is_err());
    }

    /// Whatever of the name is changed, the name no longer fits: a letter is never taken for another.
    #[test]
    fn a_letter_that_was_edited_does_not_pass(letter in letter(), ordinal: u64) {
        prop_assume!(ordinal != letter.record.ordinal);
        let bytes = encoded(&Line::Letter(Box::new(letter)));
        let mut value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        value["id"]["ordinal"] = ordinal.into();
        let edited = value.to_string();
        prop_assert_eq!(decode(edited.as_bytes()), Err(Fault::Field("letter")));
    }
}

/// A line as the first version wrote it.
pub(super) const FIRST_VERSION: &str = r#"{"v":1,"id":{"pipeline":"Flights","replay_epoch":0,"partition":"a.csv","offset":70,"ordinal":7,"line":9},"stage":"clean","stage_version":0,"error_kind":"transformation","error_code":"CleanError::BadTime","error_class":"reject","sanitized_message":"departure time is not a time of day","attempts":1,"first_seen":"2026-11-22T21:30:00.000Z","last_seen":"2026-11-22T21:30:00.000Z","run_id":"old","batch_start":0,"payload_encoding":"base64","payload":"c2V2ZW4=","payload_sha256":"68d1e73d83c15dd7f5a3ee6e37ed5eb0ba6ce1ac9b99a72e43ff6e9ff96a6104","redactions":[]}"#;

#[test]
fn lines_of_the_first_version_are_read() {
    let digest = crate::contract::hex::hex(&super::super::digest(b"seven"));
    let line = FIRST_VERSION.replace("68d1e73d83c15dd7f5a3ee6e37ed5eb0ba6ce1ac9b99a72e43ff6e9ff96a6104", &digest);
    let Ok(Line::Letter(letter)) = decode(line.as_bytes()) else { panic!("{:?}", decode(line.as_bytes())) };
    assert_eq!((letter.record.ordinal, letter.bytes()), (7, Ok(Some(b"seven".to_vec()))));
}

#[test]
fn what_is_no_letter_is_named_and_never_quoted() {
    let of = |text: &str| decode(text.as_bytes()).unwrap_err();
    assert_eq!(of("canary"), Fault::NotALine);
    assert_eq!(of("[]"), Fault::NotALine);
    assert_eq!(of(r#"{"v":3,"letter":["canary"]}"#), Fault::Version);
    assert_eq!(of(r#"{"v":0}"#), Fault::Field("v"));
    assert_eq!(of(r#"{"v":2,"v":2}"#), Fault::NotALine);
    assert_eq!(of(r#"{"v":2,"tombstone":"CANARY","why":"discarded","at":""}"#), Fault::Field("tombstone"));
    assert_eq!(of(&FIRST_VERSION.replace("\"v\":1", "\"v\":2")), Fault::Field("letter"), "only the first version had no name");
    assert_eq!(of(&FIRST_VERSION.replace("\"payload\":", "\"p\":")), Fault::Field("payload"));
    assert_eq!(of(&FIRST_VERSION.replace("base64", "canary")), Fault::Field("payload_encoding"));
    for fault in [Fault::NotALine, Fault::Field("at"), Fault::Version, Fault::TooLong] {
        assert!(!fault.to_string().contains("canary"), "i8: {fault}");
    }
}

#[test]
fn a_payload_that_is_not_what_was_written_is_refused() {
    let Ok(Line::Letter(letter)) = decode(FIRST_VERSION.as_bytes()) else { panic!() };
    assert_eq!(letter.bytes(), Err(Fault::Field("payload_sha256")));
}
