//! The log of intents says what its whole lines say, wherever it is torn, and is never taken for whole where one is
//! missing; what is written behind it is read with it.
#![no_main]
#![allow(clippy::single_range_in_vec_init, reason = "one range of records is what is committed")]

use std::fs;
use std::path::Path;

use etl_core::ErrorKind;
use etl_core::delivery::intents::{Intent, IntentLog, Intents, Line};
use etl_fuzz::{Choices, folder, sum};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut choices = Choices(data);
    let (kind, cut, at, bit) = (choices.byte(), choices.number(), choices.number(), choices.byte() % 8);
    let bytes = match kind % 3 {
        // Any file.
        0 => choices.0.to_vec(),
        // Any JSON under good sums.
        1 => choices.0.split(|byte| *byte == b'\n').flat_map(summed).collect(),
        _ => lines(&mut choices),
    };
    let bytes = match kind / 3 % 3 {
        0 => bytes,
        1 => bytes[..cut as usize % (bytes.len() + 1)].to_vec(),
        _ => {
            let mut bytes = bytes;
            let length = bytes.len().max(1);
            if let Some(byte) = bytes.get_mut(at as usize % length) {
                *byte ^= 1 << bit;
            }
            bytes
        }
    };

    let folder = folder();
    let path = folder.join("intents");
    fs::write(&path, &bytes).expect("there is room");
    let expected = by_hand(&bytes);
    let mut log = match (IntentLog::open(folder), &expected) {
        (Ok(log), Some(_)) => log,
        (Err(error), None) => {
            assert_eq!(error.kind(), ErrorKind::Storage);
            assert_eq!(fs::read(&path).expect("it is there"), bytes, "what is damaged is not touched");
            return;
        }
        (opened, _) => panic!("{opened:?} of {expected:?}"),
    };
    let (intents, whole) = expected.expect("it was looked at");
    assert_eq!(log.intents().expect("it was read"), intents);
    assert_eq!(fs::read(&path).expect("it is there"), bytes[..whole], "what is torn is cut off");
    drop(log);
    // Once more, and what comes then.
    let mut log = IntentLog::open(folder).expect("it was opened before");
    assert_eq!(log.intents().expect("it was read"), intents);
    let Ok(first) = log.intend("stage", "part", vec![(7, "{\"new\":1}".to_owned()), (u64::MAX, String::new())]) else { return };
    assert!(intents.open().all(|intent| intent.number < first), "numbers rise");
    log.done(first, Some("2".to_owned())).expect("there is room");
    let before = open(&log.intents().expect("it was written by us"));
    assert_eq!(before.len(), intents.open().count() + 2);
    log.compact().expect("there is room");
    assert_eq!(open(&log.intents().expect("it was written by us")), before, "it comes to the same");
    drop(log);
    assert_eq!(reopened(folder), before);
    let mut log = IntentLog::open(folder).expect("it was written by us");
    log.compensated(first).expect("there is room");
    log.committed("part", vec![0..u64::MAX]).expect("there is room");
    let left: Vec<_> = before
        .into_iter()
        .filter(|intent| intent.number != first && (&*intent.partition != "part" || intent.ordinal == u64::MAX))
        .collect();
    drop(log);
    assert_eq!(reopened(folder), left);
});

fn open(intents: &Intents) -> Vec<Intent> {
    intents.open().cloned().collect()
}

fn reopened(folder: &Path) -> Vec<Intent> {
    open(&IntentLog::open(folder).expect("it was written by us").intents().expect("it was written by us"))
}

/// The whole lines one by one, and where the last of them ends; `None` where one is missing.
fn by_hand(bytes: &[u8]) -> Option<(Intents, usize)> {
    let (mut intents, mut whole, mut start) = (Intents::default(), 0, 0);
    for end in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at) {
        let line = std::str::from_utf8(&bytes[start..end]).ok().and_then(|line| line.rsplit_once('\t'));
        start = end + 1;
        let Some((json, _)) = line.filter(|(json, written)| sum(json.as_bytes()) == *written) else { continue };
        let Ok(line) = serde_json::from_str::<Line>(json) else { continue };
        if !intents.apply(line) {
            return None;
        }
        whole = end + 1;
    }
    Some((intents, whole))
}

fn summed(json: &[u8]) -> Vec<u8> {
    [json, b"\t", sum(json).as_bytes(), b"\n"].concat()
}

/// Lines that mostly follow each other.
fn lines(choices: &mut Choices<'_>) -> Vec<u8> {
    let (mut bytes, mut next, mut last, mut count) = (Vec::new(), 0_u64, None, 0);
    while choices.more() && count < 32 {
        count += 1;
        let line = match choices.byte() {
            0..120 => {
                let records: Vec<_> = (0..choices.byte() % 4).map(|_| (choices.number(), choices.text(6))).collect();
                let first = if choices.byte() < 200 { next } else { choices.number() };
                let before = if choices.byte() < 230 { last } else { choices.maybe() };
                (next, last) = (first.saturating_add(records.len() as u64), Some(first));
                Line::Intended { first, before, stage: choices.text(4), partition: "part".to_owned(), records }
            }
            120..160 => Line::Done { number: choices.number(), output: choices.flag().then(|| choices.text(6)) },
            160..200 => Line::Committed { partition: "part".to_owned(), ranges: vec![choices.number()..choices.number()] },
            200..230 => Line::Compensated { number: choices.number() },
            _ => {
                bytes.extend_from_slice(choices.bytes(8));
                bytes.push(b'\n');
                continue;
            }
        };
        bytes.extend(summed(&serde_json::to_vec(&line).expect("it has a form")));
    }
    bytes
}
