//! `dlq`: what an operator does about rejected records.

use std::path::Path;

use crate::{COMPLETE, Called, call_in, json, run_in};

/// A folder with the ten dead letters of a run.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let called = run_in(dir.path(), &[]);
    assert_eq!(called.code, 0, "{}", called.err);
    dir
}

fn dlq(dir: &Path, args: &[&str]) -> Called {
    let called = call_in(dir, &[&["dlq"], args, &COMPLETE[..]].concat(), &[]);
    assert!(!called.err.contains("hunter2") && !called.out.contains("hunter2"), "i8: {}", called.err);
    called
}

fn count(dir: &Path) -> usize {
    json(&dlq(dir, &["list", "--json"]).out)["letters"].as_u64().unwrap() as usize
}

fn ids(dir: &Path) -> Vec<String> {
    let list = json(&dlq(dir, &["list", "--json", "--all"]).out);
    list["each"].as_array().unwrap().iter().map(|letter| letter["id"].as_str().unwrap().to_owned()).collect()
}

/// Takes out times, ids and runs.
fn steady(text: &str) -> String {
    let mut steady = String::new();
    for line in text.lines() {
        let words: Vec<_> = line
            .split_inclusive(' ')
            .map(|word| {
                let bare = word.trim_end();
                let hex = bare.len() >= 12 && bare.chars().all(|c| c.is_ascii_hexdigit());
                let time = bare.starts_with("20") && bare.contains('T') && bare.ends_with('Z');
                let run = bare.starts_with("20") && bare.contains("Z-");
                let known = if hex {
                    "{id}"
                } else if time {
                    "{time}"
                } else if run {
                    "{run}"
                } else {
                    bare
                };
                format!("{known}{}", &word[bare.len()..])
            })
            .collect();
        steady += words.concat().trim_end();
        steady.push('\n');
    }
    steady
}

#[test]
fn a_list_tells_how_many_and_why() {
    let dir = folder();
    let called = dlq(dir.path(), &["list"]);
    assert_eq!(called.code, 0, "{}", called.err);
    insta::assert_snapshot!(steady(&called.out));
    insta::assert_snapshot!("a_list_tells_how_to_go_on", called.err);
    assert!(!called.out.contains("\"n\""), "i8: nothing of the records");
}

#[test]
fn a_list_names_each_letter() {
    let dir = folder();
    insta::assert_snapshot!(steady(&dlq(dir.path(), &["list", "--limit", "2"]).out));
    assert_eq!(dlq(dir.path(), &["list", "--all"]).out.lines().filter(|line| line.contains("memory record")).count(), 10);
    let list = json(&dlq(dir.path(), &["list", "--json", "--limit", "1"]).out);
    assert_eq!((&list["version"], &list["letters"], &list["groups"][0]["letters"]), (&1.into(), &10.into(), &10.into()));
    assert_eq!((&list["each"][0]["ordinal"], list["each"].as_array().unwrap().len()), (&97.into(), 1));
    assert_eq!(json(&dlq(dir.path(), &["list", "--json", "--stage", "append"]).out)["letters"], 0);
}

#[test]
fn without_letters_there_is_nothing_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let called = dlq(dir.path(), &["list"]);
    assert_eq!(
        (called.code, called.out.as_str(), called.err.as_str()),
        (0, "DailyNumbers has no dead letters in {dir}/rejects.jsonl\n", "")
    );
    let called = dlq(dir.path(), &["discard", "--all", "--yes"]);
    assert_eq!(called.code, 1);
    assert!(called.err.starts_with("error: no dead letter fits\n  hint: `dlq list`"), "{}", called.err);
    assert!(!dir.path().join("rejects.jsonl").exists());
}

#[test]
fn i8_a_letter_is_shown_without_its_record_unless_the_operator_says_so() {
    let dir = folder();
    let id = &ids(dir.path())[0];
    let called = dlq(dir.path(), &["show", id]);
    assert_eq!(called.code, 0, "{}", called.err);
    insta::assert_snapshot!(steady(&format!("{}{}", called.out, called.err)));
    let called = dlq(dir.path(), &["show", "--raw", id]);
    assert_eq!((called.code, called.out.as_str(), called.err.as_str()), (0, "{\"n\":7}\n", ""));
    assert_eq!(dlq(dir.path(), &["show", "--raw", "--stage", "weigh"]).out.lines().count(), 10);
    assert_eq!(dlq(dir.path(), &["show", "ffff"]).code, 1);
}

#[test]
fn what_is_discarded_is_gone_for_good() {
    let dir = folder();
    let called = dlq(dir.path(), &["discard", "--stage", "weigh"]);
    assert_eq!((called.code, count(dir.path())), (2, 10), "nobody can be asked");
    assert_eq!(called.err, "error: 10 dead letters would be gone for good, and there is nobody to ask\n  hint: say `--yes`\n");
    let called = dlq(dir.path(), &["discard", &ids(dir.path())[3], "--yes"]);
    assert_eq!(called.err, "1 dead letter discarded, 9 left in {dir}/rejects.jsonl\n");
    let called = dlq(dir.path(), &["discard", "--code", "Refused::EndsInSeven", "-y"]);
    assert_eq!((called.code, called.err.as_str()), (0, "9 dead letters discarded, 0 left in {dir}/rejects.jsonl\n"));
    assert_eq!(count(dir.path()), 0);
}

#[test]
fn a_source_that_is_gone_is_not_replayed() {
    let dir = folder();
    let called = dlq(dir.path(), &["replay", "--all"]);
    assert_eq!((called.code, count(dir.path())), (78, 10));
    insta::assert_snapshot!(called.err);
}

#[test]
fn something_must_be_chosen() {
    let dir = folder();
    for verb in ["show", "discard", "replay"] {
        assert_eq!(dlq(dir.path(), &[verb]).code, 2, "{verb}");
        assert_eq!(dlq(dir.path(), &[verb, "--all", "--stage", "weigh"]).code, 2, "{verb}");
    }
    assert_eq!(dlq(dir.path(), &["list", "--all", "--limit", "2"]).code, 2);
    assert_eq!(count(dir.path()), 10);
}

#[test]
fn the_file_can_be_named_without_other_settings() {
    let dir = folder();
    let called = call_in(dir.path(), &["dlq", "list", "--set", "pipeline.dead_letter={dir}/rejects.jsonl"], &[]);
    assert_eq!(called.code, 0, "{}", called.err);
    assert!(called.out.starts_with("DailyNumbers has 10 dead letters"), "{}", called.out);
    let called = call_in(dir.path(), &["dlq", "list"], &[]);
    assert_eq!(called.code, 78);
    assert!(called.err.ends_with("  next: the file can be named alone: `--set pipeline.dead_letter=FILE`\n"), "{}", called.err);
}

#[test]
fn a_damaged_file_is_named_and_left_alone() {
    let dir = folder();
    let path = dir.path().join("rejects.jsonl");
    let damaged = std::fs::read_to_string(&path).unwrap().replacen("weigh", "canary", 3);
    std::fs::write(&path, &damaged).unwrap();
    for args in [&["list"][..], &["discard", "--all", "--yes"]] {
        let called = dlq(dir.path(), args);
        assert_eq!(called.code, 74);
        insta::assert_snapshot!("a_damaged_file", called.err);
    }
    let called = run_in(dir.path(), &[]);
    assert_eq!(called.code, 74, "a run does not add to it: {}", called.err);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), damaged);
}

#[test]
fn i6_a_full_file_stops_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let called = run_in(dir.path(), &["--set", "pipeline.dead_letter_limit=2 KiB"]);
    assert_eq!(called.code, 74, "{}", called.err);
    assert!(called.err.contains("hint: `dlq list` tells what is in them; replay or discard some, or allow more"), "{}", called.err);
}
