//! `runs`: the history.

use crate::{call_in, json, run_in};

#[test]
fn runs_tells_what_was_done_and_how_it_ended() {
    let dir = tempfile::tempdir().unwrap();
    let runs = |args: &[&str]| call_in(dir.path(), &[&["runs"], args].concat(), &[]);
    let called = runs(&[]);
    assert_eq!((called.code, called.out.as_str()), (0, "DailyNumbers has no runs in {dir}/state\n"));
    run_in(dir.path(), &[]);
    run_in(dir.path(), &["--set", "wrong=load"]);
    let called = runs(&[]);
    assert_eq!(called.code, 0, "{}", called.err);
    let told: Vec<Vec<&str>> =
        called.out.lines().map(|line| line.split("  ").filter(|cell| !cell.is_empty()).map(str::trim).collect()).collect();
    assert_eq!(told[0], ["run", "started", "took", "extracted", "loaded", "rejected", "exit", "ended"]);
    assert_eq!(told[1][3..], ["100", "90", "10", "0", "done"]);
    assert_eq!((told[2][4], &told[2][6..]), ("0", &["1", "failed (load)"][..]));
    let last = json(&runs(&["--json", "--last", "1"]).out);
    assert_eq!((&last["version"], &last["runs"][0]["status"], last["runs"].as_array().unwrap().len()), (&1.into(), &"failed".into(), 1));
}
