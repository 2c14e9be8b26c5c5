//! One promise of the file, one test.

use std::collections::HashSet;
use std::sync::Arc;

use super::super::{Letters, check, discard};
use super::{PIPELINE, format, letter, lines, open, opening};
use crate::contract::error::ErrorKind;
use crate::delivery::dead_letters::DeadLetters;
use crate::delivery::selection::{Chosen, Selection};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn i1_a_letter_is_in_the_file_after_a_sync_and_before_the_end() {
    let folder = folder();
    let path = folder.path().join("rejects.jsonl");
    let mut letters = open(&path).unwrap();
    letters.append(&letter(1, "clean", b"one")).unwrap();
    assert_eq!(lines(&path), 0, "it waits for company");
    letters.sync().unwrap();
    assert_eq!(lines(&path), 1);
    // The process is killed: nobody closes the file.
    drop(letters);
    assert_eq!(Letters::read(&path, PIPELINE).unwrap().all.len(), 1);
}

#[test]
fn i2_a_batch_that_is_run_again_does_not_double_its_letters() {
    let folder = folder();
    let path = folder.path().join("rejects.jsonl");
    for _ in 0..3 {
        let mut letters = open(&path).unwrap();
        // Two things made of one record were rejected for the same reason.
        for ordinal in [1, 1, 2] {
            letters.append(&letter(ordinal, "clean", b"one")).unwrap();
        }
        assert_eq!(letters.close().unwrap(), 3);
        assert_eq!(lines(&path), 3);
    }
    let mut letters = open(&path).unwrap();
    letters.append(&letter(1, "clean", b"another record in its place")).unwrap();
    letters.append(&letter(1, "load", b"one")).unwrap();
    letters.append(&super::DeadLetter { replayable: false, ..letter(1, "clean", b"one") }).unwrap();
    letters.close().unwrap();
    assert_eq!(lines(&path), 6, "none of these is the same rejection");
    let mut letters = DeadLetters::open(super::Opening { replay_epoch: 1, ..opening(&path) }).unwrap();
    letters.append(&letter(1, "clean", b"one")).unwrap();
    letters.close().unwrap();
    assert_eq!(lines(&path), 7, "a deliberate new reading");
    let mut letters = DeadLetters::open(super::Opening { pipeline: "Other", ..opening(&path) }).unwrap();
    letters.append(&letter(1, "clean", b"one")).unwrap();
    letters.close().unwrap();
    assert_eq!(lines(&path), 8, "another pipeline");
    assert_eq!(Letters::read(&path, "Other").unwrap().all.len(), 1);
}

#[test]
fn letters_of_the_first_version_are_not_doubled() {
    let folder = folder();
    let path = folder.path().join("rejects.jsonl");
    let digest = crate::contract::hex::hex(&super::super::digest(b"seven"));
    let line = format::FIRST_VERSION.replace("68d1e73d83c15dd7f5a3ee6e37ed5eb0ba6ce1ac9b99a72e43ff6e9ff96a6104", &digest);
    std::fs::write(&path, line + "\n").unwrap();
    let mut letters = open(&path).unwrap();
    letters.append(&letter(7, "clean", b"seven")).unwrap();
    letters.close().unwrap();
    assert_eq!(lines(&path), 1);
}

#[test]
fn what_a_killed_run_left_half_written_is_cut_off() {
    let folder = folder();
    let path = folder.path().join("rejects.jsonl");
    let mut letters = open(&path).unwrap();
    letters.append(&letter(1, "clean", b"one")).unwrap();
    letters.close().unwrap();
    let whole = std::fs::read(&path).unwrap();
    // The last one: what a power failure kept from the disk reads as zeros, and what stood behind it may be there.
    let holes = [&[0; 40], &whole[40..], &whole[..]].concat();
    for half in [&whole[..40], b"\0\0\0\0\0", b"{", &holes] {
        std::fs::write(&path, [&whole[..], half].concat()).unwrap();
        assert_eq!(Letters::read(&path, PIPELINE).unwrap().all.len(), 1, "reading goes on while it is written");
        open(&path).unwrap().close().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), whole);
    }
    // Nothing but its end is missing: that is no reason to lose it.
    std::fs::write(&path, whole.trim_ascii()).unwrap();
    open(&path).unwrap().close().unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), whole);
}

#[test]
fn i8_a_line_that_cannot_be_read_is_named_by_its_number() {
    let folder = folder();
    let path = folder.path().join("rejects.jsonl");
    let mut letters = open(&path).unwrap();
    letters.append(&letter(1, "clean", b"one")).unwrap();
    letters.close().unwrap();
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.insert(0, '\n');
    text.push_str("{\"v\":2,\"stage\":\"canary\"}\n");
    std::fs::write(&path, &text).unwrap();
    for error in [open(&path).unwrap_err(), Letters::read(&path, PIPELINE).unwrap_err()] {
        assert_eq!((error.kind(), error.code()), (ErrorKind::DeadLetter, "dead_letters_damaged"));
        assert!(error.message().starts_with("line 3 of the dead letters in "), "{error}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "it is left as it was");
}

#[test]
fn i6_a_full_file_stops_the_run_and_loses_nothing() {
    let folder = folder();
    let path = folder.path().join("rejects.jsonl");
    let mut letters = DeadLetters::open(super::Opening { limit: 2_000, ..opening(&path) }).unwrap();
    let error = (0..).find_map(|ordinal| letters.append(&letter(ordinal, "clean", b"one")).err()).unwrap();
    assert_eq!((error.kind(), error.code()), (ErrorKind::DeadLetter, "dead_letters_full"));
    assert!(error.advice().unwrap().contains("pipeline.dead_letter_limit"), "{error:?}");
    let taken = letters.close().unwrap() - 1;
    let read = Letters::read(&path, PIPELINE).unwrap();
    assert_eq!(read.all.len() as u64, taken);
    assert!(std::fs::metadata(&path).unwrap().len() <= 2_000);
    // What makes room is not refused.
    assert_eq!(discard(&path, &read.all.iter().map(|letter| letter.id).collect()).unwrap() as u64, taken);
    let mut letters = DeadLetters::open(super::Opening { limit: 2_000, ..opening(&path) }).unwrap();
    letters.append(&letter(100, "clean", b"one")).unwrap();
    letters.close().unwrap();
}

#[test]
fn a_run_that_rejects_nothing_leaves_no_new_file() {
    let folder = folder();
    let path = folder.path().join("rejects.jsonl");
    let mut letters = open(&path).unwrap();
    letters.sync().unwrap();
    assert_eq!(letters.close().unwrap(), 0);
    assert!(!path.exists());
}

#[test]
fn i5_two_runs_do_not_write_to_one_file() {
    let folder = folder();
    let path = folder.path().join("rejects.jsonl");
    let first = open(&path).unwrap();
    assert_eq!(open(&path).unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(discard(&path, &HashSet::new()).unwrap_err().kind(), ErrorKind::Unavailable);
    drop(first);
    open(&path).unwrap();
}

#[cfg(unix)]
#[test]
fn i8_the_file_is_private_and_never_another_one() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder();
    let path = folder.path().join("rejects.jsonl");
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    open(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    for (name, to) in [("link", "rejects.jsonl"), ("dangling", "nowhere"), ("folder", ".")] {
        let link = folder.path().join(name);
        std::os::unix::fs::symlink(folder.path().join(to), &link).unwrap();
        for error in [open(&link).unwrap_err(), check(&link).unwrap_err(), Letters::read(&link, PIPELINE).unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.message().ends_with("is a symbolic link, which is not followed"), "{error}");
        }
    }
    assert!(!folder.path().join("nowhere").exists());
    assert_eq!(check(folder.path()).unwrap_err().kind(), ErrorKind::Config);
}

#[test]
fn discarding_takes_letters_away_for_good_and_then_their_room() {
    let folder = folder();
    let path = folder.path().join("rejects.jsonl");
    let mut letters = open(&path).unwrap();
    for ordinal in 0..100 {
        letters.append(&letter(ordinal, "clean", b"one")).unwrap();
    }
    letters.close().unwrap();
    let ids = |from: usize, to: usize| Letters::read(&path, PIPELINE).unwrap().all[from..to].iter().map(|letter| letter.id).collect();
    let one: HashSet<_> = ids(5, 6);
    assert_eq!((discard(&path, &one).unwrap(), discard(&path, &one).unwrap()), (1, 0));
    assert_eq!(lines(&path), 101, "a tombstone");
    assert_eq!(discard(&path, &ids(0, 50)).unwrap(), 50);
    assert_eq!(lines(&path), 49, "the rest alone");
    let read = Letters::read(&path, PIPELINE).unwrap();
    assert_eq!(read.all.iter().map(|letter| letter.position.ordinal).collect::<Vec<_>>(), (51..100).collect::<Vec<_>>());
    assert_eq!(read.payload(&read.all[0]).unwrap().as_deref(), Some(&b"one"[..]));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions()) & 0o777, 0o600);
}

#[test]
fn what_a_killed_rewrite_left_is_taken_away() {
    let folder = folder();
    let path = folder.path().join("rejects.jsonl");
    std::fs::write(folder.path().join("rejects.jsonl.rewrite"), "records that were discarded").unwrap();
    open(&path).unwrap().close().unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_replayed_letter_goes_and_one_that_fails_again_counts_its_tries() {
    let folder = folder();
    let path = folder.path().join("rejects.jsonl");
    let mut letters = open(&path).unwrap();
    for ordinal in [3, 5, 8] {
        letters.append(&letter(ordinal, "clean", b"one")).unwrap();
    }
    letters.close().unwrap();
    for tries in 2..4 {
        let before = Letters::read(&path, PIPELINE).unwrap();
        let chosen = before.all.iter().filter(|letter| letter.position.ordinal != 8).map(|letter| {
            let Some(digest) = letter.digest else { panic!() };
            let (attempts, first_seen) = (letter.attempts, letter.first_seen.clone());
            (letter.position.ordinal, Chosen { letters: vec![letter.id], attempts, first_seen, digest: Some(digest) })
        });
        let selection = Selection::new("a.csv", chosen).unwrap();
        let mut letters =
            DeadLetters::open(super::Opening { replays: Some(Arc::new(selection)), run_id: "run-2", ..opening(&path) }).unwrap();
        letters.append(&letter(5, "load", b"one")).unwrap();
        letters.settled("b.csv", 0..100).unwrap();
        letters.settled("a.csv", 0..8).unwrap();
        letters.close().unwrap();
        let after = Letters::read(&path, PIPELINE).unwrap().all;
        let told: Vec<_> = after.iter().map(|letter| (letter.position.ordinal, &*letter.stage, letter.attempts)).collect();
        assert_eq!(told, [(8, "clean", 1), (5, "load", tries)]);
        assert_eq!(after[1].first_seen, before.all.iter().find(|letter| letter.position.ordinal == 5).unwrap().first_seen);
    }
}
