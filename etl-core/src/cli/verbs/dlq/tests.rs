use std::borrow::Cow;
use std::path::Path;

use super::choice::{choose, selection};
use crate::cli::args::{ChoiceArgs, FilterArgs};
use crate::cli::terminal::{escaped, escaped_record};
use crate::contract::error::{Error, ErrorKind};
use crate::contract::position::Position;
use crate::delivery::dead_letters::{DeadLetter, DeadLetters, LIMIT, Letters, Opening, Payload};
use crate::delivery::selection::CHANGED;

/// Rejections: partition, record, stage.
fn letters(path: &Path, rejected: &[(&str, u64, &'static str)]) -> Letters {
    let opening = Opening { path, pipeline: "Flights", run_id: "run", replay_epoch: 0, limit: LIMIT, replays: None };
    let mut file = DeadLetters::open(opening).unwrap();
    for (partition, ordinal, stage) in rejected {
        let letter = DeadLetter {
            stage,
            position: Position { partition: (*partition).into(), ordinal: *ordinal, byte: None, line: None },
            batch_start: 0,
            kind: ErrorKind::Transformation,
            code: "CleanError::BadTime",
            column: None,
            message: "departure time is not a time of day",
            attempts: 1,
            payload: Some(Payload::Source(Cow::Owned(format!("record {ordinal}").into_bytes()))),
            replayable: true,
        };
        file.append(&letter).unwrap();
    }
    file.close().unwrap();
    Letters::read(path, "Flights").unwrap()
}

fn of_ids(ids: &[&str]) -> ChoiceArgs {
    ChoiceArgs { ids: ids.iter().map(|id| (*id).to_owned()).collect(), ..ChoiceArgs::default() }
}

fn told(refused: Result<impl Sized, Error>) -> String {
    let error = refused.err().unwrap();
    assert!(error.advice().is_some(), "it says how to go on: {error}");
    error.to_string()
}

#[test]
fn letters_are_chosen_by_the_beginning_of_their_ids() {
    let folder = tempfile::tempdir().unwrap();
    let letters = letters(&folder.path().join("r.jsonl"), &[("a.csv", 1, "clean"), ("a.csv", 2, "clean"), ("a.csv", 1, "load")]);
    let id = letters.all[1].id.to_string();
    for start in [&id[..8], &id, &id[..8].to_uppercase()] {
        assert_eq!(choose(&letters, &of_ids(&[start])).unwrap()[0].position.ordinal, 2);
    }
    assert!(told(choose(&letters, &of_ids(&[&id[..3]]))).contains("is no id"));
    assert!(told(choose(&letters, &of_ids(&["\u{1b}[2J1234"]))).contains(r"`\u{1b}[2j1234`"), "escaped");
    let other = if id.starts_with('0') { "1111111" } else { "0000000" };
    assert!(told(choose(&letters, &of_ids(&[other]))).contains("no dead letter has an id"));
    let filter = FilterArgs { stage: Some("load".to_owned()), ..FilterArgs::default() };
    assert!(told(choose(&letters, &ChoiceArgs { filter: filter.clone(), ..of_ids(&[&id]) })).contains("no dead letter fits"));
    assert_eq!(choose(&letters, &ChoiceArgs { filter, ..ChoiceArgs::default() }).unwrap().len(), 1);
}

#[test]
fn a_replay_reads_each_record_once_and_one_source() {
    let folder = tempfile::tempdir().unwrap();
    let rejected = [("a.csv", 1, "clean"), ("a.csv", 9, "clean"), ("a.csv", 1, "load"), ("b.csv", 4, "load")];
    let letters = letters(&folder.path().join("r.jsonl"), &rejected);
    let text = told(selection(&choose(&letters, &ChoiceArgs { all: true, ..ChoiceArgs::default() }).unwrap()));
    assert!(text.contains("2 sources, and a run reads one: a.csv, b.csv"), "{text}");
    let filter = FilterArgs { partition: Some("a.csv".to_owned()), ..FilterArgs::default() };
    let selection = selection(&choose(&letters, &ChoiceArgs { filter, ..ChoiceArgs::default() }).unwrap()).unwrap();
    assert_eq!((selection.partition(), selection.ordinals(0..10).collect::<Vec<_>>()), ("a.csv", vec![1, 9]));
    let position = Position { partition: "a.csv".into(), ordinal: 9, byte: None, line: None };
    assert!(selection.verify(&position, Some(b"record 9")).is_ok());
    assert_eq!(selection.verify(&position, Some(b"other")).unwrap_err().code(), CHANGED);
}

#[test]
fn a_terminal_is_not_told_what_to_do() {
    assert_eq!(escaped("a\u{1b}[2Jb\n\u{202e}ü\u{9b}"), r"a\u{1b}[2Jb\n\u{202e}ü\u{9b}");
    assert_eq!(escaped_record(b"a,b\t\n\x1b\xff\r"), "a,b\t\n\\u{1b}\u{fffd}\\r");
}
