//! A checkpoint is read as it was written or not at all; whatever is damaged gives way to the one before; and a
//! run goes on from whatever is taken.
#![no_main]

use std::fs;
use std::path::Path;

use etl_core::ErrorKind;
use etl_core::delivery::checkpoint::{self, Checkpoint, Store};
use etl_core::delivery::intervals::Intervals;
use etl_core::delivery::progress::Progress;
use etl_core::delivery::tracker::{Stored, Tracker};
use etl_core::position::Cursor;
use etl_fuzz::{Choices, folder, sum};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut choices = Choices(data);
    let (kind, sequence, at, bit) = (choices.byte(), choices.number(), choices.number(), choices.byte() % 8);
    let state = folder();
    let place = checkpoint::folder(state, "source", "target");
    fs::create_dir(&place).expect("the folder is empty");
    let first = place.join(format!("checkpoint.{sequence}"));
    let there = match kind % 3 {
        // Any file.
        0 => {
            fs::write(&first, choices.0).expect("there is room");
            let Some(found) = read(state) else { return };
            let text = std::str::from_utf8(choices.0).expect("it is JSON");
            let (json, rest) = text.split_once('\n').expect("it is two lines");
            assert_eq!(rest, format!("{}\n", sum(json.as_bytes())), "the sum is looked at");
            found
        }
        // Any JSON under a good sum.
        1 => {
            fs::write(&first, summed(choices.0)).expect("there is room");
            // One line of text; in what it passes over, JSON does not look whether it is text.
            let text = std::str::from_utf8(choices.0).ok().filter(|text| !text.contains('\n'));
            let expected = text.and_then(|text| serde_json::from_str::<Checkpoint>(text).ok());
            let found = read(state);
            assert_eq!(found, expected);
            let Some(found) = found else { return };
            found
        }
        _ => {
            let built = build(&mut choices);
            fs::write(&first, summed(&serde_json::to_vec(&built).expect("it has a form"))).expect("there is room");
            assert_eq!(read(state).as_ref(), Some(&built));
            built
        }
    };
    check(&there.done);
    check(&there.replayed);

    // A run goes on from it.
    let mut tracker = Tracker::going_on(Stored::of_checkpoint(there.clone()), there.progress.clone());
    let end = tracker.propose_end();
    tracker.settle(end);
    let next = tracker.checkpoint(&there.pipeline, &there.target, there.mark.clone(), true);
    assert_eq!((&next.done, &next.replayed), (&there.done, &there.replayed));

    // Two generations are kept, and the newest counts.
    let (mut store, _) = Store::open(state, "source", "target").expect("it was read before");
    if store.save(&next).is_err() {
        assert_eq!(sequence, u64::MAX, "only behind the last number there is none");
        return;
    }
    drop(store);
    assert_eq!(read(state).as_ref(), Some(&next));

    // Any bit of it, any part of it: the one before.
    let newest = place.join(format!("checkpoint.{}", sequence + 1));
    let whole = fs::read(&newest).expect("it was saved");
    let at = at as usize % whole.len();
    let mut flipped = whole.clone();
    flipped[at] ^= 1 << bit;
    for damaged in [&flipped, &whole[..at]] {
        fs::write(&newest, damaged).expect("there is room");
        assert_eq!(read(state).as_ref(), Some(&there));
    }
    // What is saved then is newer than the damaged one, and nothing is left of none.
    let (mut store, _) = Store::open(state, "source", "target").expect("there is one");
    if store.save(&next).is_ok() {
        drop(store);
        assert_eq!(read(state), Some(next));
        let (mut store, _) = Store::open(state, "source", "target").expect("there is one");
        store.clear().expect("nothing holds them");
        drop(store);
        assert_eq!(Store::open(state, "source", "target").expect("there is none").1, None);
    }
});

/// The newest that is whole; `None` where all that is there is damaged.
fn read(state: &Path) -> Option<Checkpoint> {
    match Store::open(state, "source", "target") {
        Ok((_, found)) => Some(found.expect("something is there")),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Storage);
            None
        }
    }
}

fn summed(json: &[u8]) -> Vec<u8> {
    [json, b"\n", sum(json).as_bytes(), b"\n"].concat()
}

fn build(choices: &mut Choices<'_>) -> Checkpoint {
    let mut progress = Progress::new(&[], &choices.text(8), &choices.text(8), None);
    (progress.totals.extracted, progress.totals.loaded, progress.totals.rejected) = (choices.number(), choices.number(), choices.number());
    progress.ended = choices.flag();
    Checkpoint {
        pipeline: choices.text(8),
        partition: choices.text(8),
        target: choices.text(8),
        sequence: choices.number(),
        mark: choices.flag().then(|| choices.text(40)),
        published: choices.flag(),
        done: intervals(choices),
        replayed: intervals(choices),
        progress,
    }
}

fn intervals(choices: &mut Choices<'_>) -> Intervals {
    let mut built = Intervals::default();
    for _ in 0..choices.byte() % 16 {
        let (start, length) = (choices.number(), choices.number());
        let ordinal = start.saturating_add(length);
        built.insert(start..ordinal, Cursor { ordinal, byte: choices.maybe(), line: choices.maybe() });
    }
    built
}

/// A set of records: apart, in order, and what is missing is what is not in it.
fn check(set: &Intervals) {
    let held: Vec<_> = set.iter().map(|(range, _)| range).collect();
    assert!(held.iter().all(|range| range.start < range.end));
    assert!(held.windows(2).all(|pair| pair[0].end < pair[1].start));
    let missing: u64 = set.missing(0..u64::MAX).iter().map(|range| range.end - range.start).sum();
    assert_eq!(missing, u64::MAX - set.count());
    assert!(set.low().ordinal <= set.reached());
}
