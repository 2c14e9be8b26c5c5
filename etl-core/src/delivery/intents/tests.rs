//! The log against a model that is killed at every write.

#![allow(clippy::single_range_in_vec_init, reason = "one range of records is what is committed")]

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const PARTITION: &str = "guests.csv@0";

fn open(folder: &Path) -> IntentLog {
    IntentLog::open(folder).unwrap()
}

fn records(ordinals: Range<u64>) -> Vec<(u64, String)> {
    ordinals.map(|ordinal| (ordinal, format!("{{\"id\":{ordinal},\"name\":\"a\\tb\\n\"}}"))).collect()
}

fn numbers(log: &mut IntentLog) -> Vec<u64> {
    log.intents().unwrap().open().map(|intent| intent.number).collect()
}

#[test]
fn what_is_open_is_neither_committed_nor_undone_and_comes_newest_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path());
    assert_eq!(log.intend("book", PARTITION, records(0..3)).unwrap(), 0);
    assert_eq!(log.intend("pay", PARTITION, records(0..2)).unwrap(), 3);
    log.done(3, Some("{}".to_owned())).unwrap();
    log.committed(PARTITION, vec![1..2]).unwrap();
    log.compensated(2).unwrap();
    drop(log);
    let mut log = open(folder.path());
    let intents = log.intents().unwrap();
    let open: Vec<_> = intents.open().map(|intent| (intent.number, &*intent.stage, intent.ordinal, intent.output.as_deref())).collect();
    assert_eq!(open, [(3, "pay", 0, Some("{}")), (0, "book", 0, None)]);
    assert_eq!(intents.open().next().unwrap().input, records(0..1)[0].1);
    // The same record, once more: an intent of its own, which an earlier commit says nothing of.
    log.committed("other.csv@0", vec![0..9]).unwrap();
    log.intend("book", PARTITION, records(1..2)).unwrap();
    assert_eq!(numbers(&mut log), [5, 3, 0]);
    log.compact().unwrap();
    assert_eq!(numbers(&mut log), [5, 3, 0]);
    log.intend("book", PARTITION, records(7..8)).unwrap();
    drop(log);
    let mut log = self::open(folder.path());
    assert_eq!(numbers(&mut log), [6, 5, 3, 0]);
    assert_eq!(log.intents().unwrap().open().nth(2).unwrap().output.as_deref(), Some("{}"));
    log.clear().unwrap();
    assert!(!IntentLog::is_there(folder.path()));
    assert_eq!(log.intend("book", PARTITION, records(0..1)).unwrap(), 7, "no number comes twice in one process");
}

#[test]
fn numbers_do_not_overflow() {
    let folder = tempfile::tempdir().unwrap();
    let line = |first| {
        let (stage, partition) = ("book".to_owned(), PARTITION.to_owned());
        encode(&Line::Intended { first, before: None, stage, partition, records: records(0..2) })
    };
    fs::write(folder.path().join(NAME), line(u64::MAX - 2)).unwrap();
    let mut log = open(folder.path());
    assert_eq!(numbers(&mut log), [u64::MAX - 1, u64::MAX - 2]);
    assert_eq!(log.intend("book", PARTITION, records(0..1)).unwrap_err().kind(), ErrorKind::Storage);
    drop(log);
    fs::write(folder.path().join(NAME), line(u64::MAX - 1)).unwrap();
    assert_eq!(IntentLog::open(folder.path()).unwrap_err().kind(), ErrorKind::Storage);
}

#[test]
fn i6_what_is_committed_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path());
    for ordinal in 0..200 {
        let record = (ordinal, "x".repeat(20_000));
        log.intend("book", PARTITION, vec![record]).unwrap();
        log.committed(PARTITION, vec![0..ordinal]).unwrap();
        assert!(log.size < 2 * GROWTH, "{}", log.size);
    }
    assert_eq!(numbers(&mut log), [199]);
}

#[test]
fn a_line_that_is_missing_in_the_middle_is_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path());
    for ordinal in 0..3 {
        log.intend("book", PARTITION, records(ordinal..ordinal + 1)).unwrap();
        log.done(ordinal, None).unwrap();
    }
    let path = log.path().to_owned();
    drop(log);
    let text = fs::read_to_string(&path).unwrap();
    let without = |gone: usize| -> String {
        text.split_inclusive('\n').enumerate().filter(|(line, _)| *line != gone).map(|(_, line)| line).collect()
    };
    fs::write(&path, without(2)).unwrap();
    let error = IntentLog::open(folder.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(!error.to_string().contains("name"), "I8: {error}");
    // What is only a hint may be missing.
    fs::write(&path, without(1)).unwrap();
    assert_eq!(numbers(&mut open(folder.path())), [2, 1, 0]);
}

#[test]
fn i8_an_error_holds_no_record() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no such folder");
    let error = IntentLog::open(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
}

/// What the model knows of an intent.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Open,
    Committed,
    Undone,
}

/// What happens to the log.
#[derive(Clone, Debug)]
enum Action {
    Intend(u8),
    Done(prop::sample::Index),
    Commit(prop::sample::Index),
    Compensate,
    Compact,
    /// The process is killed, and so many hundredths of what was written since the last sync are there.
    Crash(u8),
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let action = prop_oneof![
        4 => (1_u8..5).prop_map(Action::Intend),
        4 => any::<prop::sample::Index>().prop_map(Action::Done),
        2 => any::<prop::sample::Index>().prop_map(Action::Commit),
        2 => Just(Action::Compensate),
        1 => Just(Action::Compact),
        3 => (0_u8..=100).prop_map(Action::Crash),
    ];
    prop::collection::vec(action, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// Whatever happens and wherever the process is killed: nothing that was intended durably and is
    /// neither committed nor undone is forgotten, nothing that is undone durably comes back, and what
    /// comes back of what is committed is only what the target knows better (I4).
    #[test]
    fn i1_no_effect_is_forgotten_by_a_crash(actions in actions()) {
        let folder = tempfile::tempdir().unwrap();
        let mut log = open(folder.path());
        let mut fates: std::collections::BTreeMap<u64, Fate> = std::collections::BTreeMap::new();
        let mut ordinal = 0_u64;
        // The number of an intent is its ordinal here, as long as the log is not emptied.
        let mut synced = 0_usize;
        for action in actions {
            let open_numbers: Vec<u64> = fates.iter().filter(|(_, fate)| **fate == Fate::Open).map(|(number, _)| *number).collect();
            match action {
                Action::Intend(count) => {
                    let range = ordinal..ordinal + u64::from(count);
                    let first = log.intend("book", PARTITION, range.clone().map(|ordinal| (ordinal, format!("{ordinal}"))).collect()).unwrap();
                    prop_assert_eq!(first, ordinal);
                    fates.extend(range.clone().map(|number| (number, Fate::Open)));
                    ordinal = range.end;
                    synced = log.size as usize;
                }
                Action::Done(which) if !open_numbers.is_empty() => {
                    let number = *which.get(&open_numbers);
                    log.done(number, Some(format!("{number}"))).unwrap();
                }
                Action::Commit(which) if !open_numbers.is_empty() => {
                    let number = *which.get(&open_numbers);
                    log.committed(PARTITION, vec![number..number + 1]).unwrap();
                    fates.insert(number, Fate::Committed);
                }
                Action::Compensate => {
                    if let Some(number) = open_numbers.last() {
                        log.compensated(*number).unwrap();
                        fates.insert(*number, Fate::Undone);
                        synced = log.size as usize;
                    }
                }
                Action::Compact => {
                    log.compact().unwrap();
                    synced = log.size as usize;
                }
                Action::Crash(hundredths) => {
                    let path = log.path().to_owned();
                    drop(log);
                    let bytes = fs::read(&path).unwrap();
                    let kept = synced + (bytes.len() - synced) * usize::from(hundredths) / 100;
                    fs::write(&path, &bytes[..kept]).unwrap();
                    log = open(folder.path());
                    synced = log.size as usize;
                    // Numbers go on behind the last one that is there.
                    let there: BTreeSet<u64> = numbers(&mut log).into_iter().collect();
                    for (number, fate) in &fates {
                        match fate {
                            Fate::Open => prop_assert!(there.contains(number)),
                            Fate::Undone => prop_assert!(!there.contains(number)),
                            // The line that says so need not have survived.
                            Fate::Committed => {}
                        }
                    }
                    prop_assert!(there.iter().all(|number| fates.contains_key(number)));
                    for intent in log.intents().unwrap().open() {
                        prop_assert_eq!(&intent.input, &format!("{}", intent.ordinal));
                        prop_assert!(intent.output.as_ref().is_none_or(|output| *output == intent.input));
                    }
                    ordinal = log.next.max(ordinal);
                    log.next = ordinal;
                }
                Action::Done(_) | Action::Commit(_) => {}
            }
            let there: Vec<u64> = numbers(&mut log);
            prop_assert!(there.is_sorted_by(|a, b| a > b));
        }
    }

    /// A new intent while a write of it is torn at any byte: all of the batch is there, or none.
    #[test]
    fn a_batch_is_written_down_as_a_whole_or_not_at_all(before in 0_u64..4, count in 1_u64..5, at: prop::sample::Index) {
        let folder = tempfile::tempdir().unwrap();
        let mut log = open(folder.path());
        if before > 0 {
            log.intend("book", PARTITION, records(0..before)).unwrap();
        }
        let whole = log.size as usize;
        log.intend("book", PARTITION, records(before..before + count)).unwrap();
        let path = log.path().to_owned();
        drop(log);
        let bytes = fs::read(&path).unwrap();
        let cut = whole + at.index(bytes.len() - whole);
        fs::write(&path, &bytes[..cut]).unwrap();
        let mut log = open(folder.path());
        prop_assert_eq!(numbers(&mut log).len() as u64, before);
        // What is written next is behind what was cut off.
        log.intend("book", PARTITION, records(before..before + count)).unwrap();
        drop(log);
        prop_assert_eq!(numbers(&mut open(folder.path())).len() as u64, before + count);
    }

    #[test]
    fn no_flipped_bit_is_overlooked(at: prop::sample::Index, bit in 0_u8..8) {
        let mut line = encode(&Line::Done { number: 7, output: Some("{\"room\":\"12\"}".to_owned()) });
        prop_assert!(decode_line(&line).is_some());
        let at = at.index(line.len());
        line[at] ^= 1 << bit;
        prop_assert_eq!(decode_line(&line), None);
    }
}
