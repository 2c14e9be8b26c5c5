//! A file of dead letters is read up to where it is torn, and refused where it is damaged in between: no whole line
//! before that is lost, opening it once more changes nothing, and no record comes back as another one.
#![no_main]

#[path = "../private/contract.rs"]
mod contract;
#[path = "../private/delivery.rs"]
mod delivery;
use etl_core::mutants;

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use delivery::dead_letters::{DeadLetter, DeadLetters, Digest, LIMIT, LetterId, Letters, Opening, Payload, discard};
use delivery::selection::{Chosen, Selection};
use etl_core::ErrorKind;
use etl_core::position::Position;
use etl_fuzz::{Choices, folder};
use libfuzzer_sys::fuzz_target;

const PIPELINE: &str = "Flights";

fuzz_target!(|data: &[u8]| {
    let mut choices = Choices(data);
    let (kind, cut, at, bit) = (choices.byte(), choices.number(), choices.number(), choices.byte() % 8);
    let path = &folder().join("dead.jsonl");
    let kept = write(path, &mut choices);
    let whole = fs::read(path).unwrap_or_default();
    let cut = cut as usize % (whole.len() + 1);
    match kind % 6 {
        // Any file.
        0 => {
            fs::write(path, choices.0).expect("there is room");
            opened(path, choices.0);
        }
        // Torn at any byte, with anything behind it that has no end: a part of a line, or zeros.
        1 => torn(path, &whole, cut, &[]),
        2 => torn(path, &whole, cut, &vec![0; usize::from(bit) * 700 + 1]),
        3 => {
            let garbage: Vec<u8> = choices.0.iter().copied().filter(|byte| *byte != b'\n').take(2_000).collect();
            // A part of a line that makes a whole one of the cut is the one case that is not torn.
            if cut < whole.len() || garbage.trim_ascii().is_empty() {
                return;
            }
            torn(path, &whole, cut, &[b"x", &garbage[..]].concat());
        }
        // Lines in between.
        4 => {
            let cut = start_of_line(&whole, cut);
            let content = [&whole[..cut], choices.0, b"\n", &whole[cut..]].concat();
            fs::write(path, &content).expect("there is room");
            let before = {
                fs::write(path, &whole[..cut]).expect("there is room");
                seen(path).expect("it was written by us")
            };
            fs::write(path, &content).expect("there is room");
            let all = opened(path, &content);
            let takes_away = [&b"tombstone"[..], b"replaces", b"\\"].iter().any(|word| holds(choices.0, word));
            if let Some(all) = all.filter(|_| !takes_away) {
                let ids: HashSet<_> = all.iter().map(|(id, ..)| *id).collect();
                // A tombstone of ours behind it may take some away.
                let behind = holds(&whole[cut..], b"tombstone") || holds(&whole[cut..], b"replaces");
                assert!(behind || before.iter().all(|(id, ..)| ids.contains(id)), "a whole line is lost");
            }
        }
        // Any bit: refused, or not a part of what names the record.
        _ => {
            let mut flipped = whole.clone();
            let length = flipped.len().max(1);
            if let Some(byte) = flipped.get_mut(at as usize % length) {
                *byte ^= 1 << bit;
            }
            fs::write(path, &flipped).expect("there is room");
            for (_, payload) in opened(path, &flipped).unwrap_or_default() {
                assert!(payload.is_none_or(|payload| kept.contains(&payload)), "a record comes back as another one");
            }
        }
    }
});

/// The letters that wait, with their records.
type Seen = Vec<(LetterId, Option<Vec<u8>>)>;

/// `None` where the file is damaged.
fn seen(path: &Path) -> Option<Seen> {
    let letters = match Letters::read(path, PIPELINE) {
        Ok(letters) => letters,
        Err(error) => {
            assert_eq!((error.kind(), error.code()), (ErrorKind::DeadLetter, "dead_letters_damaged"));
            return None;
        }
    };
    let payload = |letter| match letters.payload(letter) {
        Ok(payload) => payload,
        Err(error) => {
            assert_eq!(error.code(), "dead_letters_damaged");
            None
        }
    };
    Some(letters.all.iter().map(|letter| (letter.id, payload(letter))).collect())
}

fn open(path: &Path, replays: Option<Arc<Selection>>) -> Option<DeadLetters> {
    DeadLetters::open(Opening { path, pipeline: PIPELINE, run_id: "run", replay_epoch: 0, limit: LIMIT, replays }).ok()
}

/// What holds of any file: a run opens what can be read and nothing else, mends no more than its end, and leaves
/// alone what it refuses.
fn opened(path: &Path, content: &[u8]) -> Option<Seen> {
    let before = seen(path);
    let letters = open(path, None);
    assert_eq!(before.is_some(), letters.is_some());
    let read = || fs::read(path).expect("it is there");
    let Some(letters) = letters else {
        assert_eq!(read(), content, "what is damaged is not touched");
        return None;
    };
    drop(letters);
    let mended = read();
    let ended = mended.strip_suffix(b"\n").unwrap_or(&mended);
    assert!(content.starts_with(&mended) || content == ended, "only the end is mended");
    assert_eq!(seen(path), before, "mending loses nothing");
    drop(open(path, None).expect("it was opened before"));
    assert_eq!(read(), mended, "nothing is left to mend");
    // A letter behind it is one more, and is gone when it is discarded.
    let mut letters = open(path, None).expect("it was opened before");
    letters.append(&letter("new", u64::MAX, None, "one more", b"one more")).expect("there is room");
    letters.close().expect("there is room");
    let mut more = seen(path).expect("it is whole");
    let before = before.unwrap_or_default();
    if more.len() == before.len() + 1 {
        let (new, payload) = more.pop().expect("there is one");
        assert_eq!((&more, payload.as_deref()), (&before, Some(&b"one more"[..])));
        let gone = more.iter().filter(|(id, _)| *id == new).count() + 1;
        assert_eq!(discard(path, &HashSet::from([new])).expect("it is whole"), gone);
        let left: Seen = more.into_iter().filter(|(id, _)| *id != new).collect();
        assert_eq!(seen(path), Some(left));
    } else {
        assert_eq!(more, before, "it was there already");
    }
    Some(before)
}

/// What was written before `cut` is there, and nothing behind it.
fn torn(path: &Path, whole: &[u8], cut: usize, behind: &[u8]) {
    // A line that lacks its end only is whole.
    let cut_at = if behind.is_empty() && whole.get(cut) == Some(&b'\n') { cut + 1 } else { cut };
    fs::write(path, &whole[..start_of_line(whole, cut_at)]).expect("there is room");
    let expected = seen(path).expect("it was written by us");
    let content = [&whole[..cut], behind].concat();
    fs::write(path, &content).expect("there is room");
    assert_eq!(opened(path, &content), Some(expected));
}

/// Where the line begins that byte `at` is in.
fn start_of_line(bytes: &[u8], at: usize) -> usize {
    bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1)
}

fn holds(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

fn letter<'a>(partition: &str, ordinal: u64, byte: Option<u64>, message: &'a str, payload: &'a [u8]) -> DeadLetter<'a> {
    DeadLetter {
        stage: "clean",
        position: Position { partition: partition.into(), ordinal, byte, line: byte },
        batch_start: ordinal,
        kind: ErrorKind::Transformation,
        code: "bad",
        column: None,
        message,
        attempts: 1,
        payload: Some(Payload::Source(Cow::Borrowed(payload))),
        replayable: true,
    }
}

/// Runs that reject, replay and discard, by way of the writer; gives back all records.
fn write(path: &Path, choices: &mut Choices<'_>) -> HashSet<Vec<u8>> {
    let mut kept = HashSet::from([b"one more".to_vec()]);
    for _ in 0..choices.byte() % 4 {
        let there = Letters::read(path, PIPELINE).expect("it was written by us").all;
        if choices.byte() < 60 && !there.is_empty() {
            let chosen = &there[choices.below(there.len())];
            discard(path, &HashSet::from([chosen.id])).expect("it was written by us");
            continue;
        }
        let replayed = there.first().filter(|_| choices.flag()).map(|first| {
            let digest: Option<Digest> = first.digest;
            let chosen = Chosen { letters: vec![first.id], attempts: first.attempts, first_seen: first.first_seen.clone(), digest };
            (
                first.position.ordinal,
                Arc::new(Selection::new(&*first.position.partition, [(first.position.ordinal, chosen)]).expect("it is one")),
            )
        });
        let mut letters = open(path, replayed.as_ref().map(|(_, selection)| Arc::clone(selection))).expect("it was written by us");
        for _ in 0..choices.byte() % 5 {
            let (partition, message, payload) = (choices.text(6), choices.text(12), choices.bytes(40));
            let (ordinal, byte) = (choices.number(), choices.maybe());
            letters.append(&letter(&partition, ordinal, byte, &message, payload)).expect("there is room");
            kept.insert(payload.to_vec());
        }
        if let Some((ordinal, selection)) = replayed {
            letters.settled(selection.partition(), ordinal..ordinal.saturating_add(1)).expect("there is room");
        }
        letters.close().expect("there is room");
    }
    kept
}
