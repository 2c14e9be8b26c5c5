//! Signals need a process of their own: this test binary, started again.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use etl_core::cli::{entry, main_with};

use super::pipeline::{DailyNumbers, NightlyNothing};

const CHILD: &str = "ETL_TEST_ARGS";

/// Not a test: what the others start.
#[test]
fn a_process_for_the_others() {
    if let Ok(args) = std::env::var(CHILD) {
        let args = args.split('\n').map(Into::into);
        let entries = [entry::<DailyNumbers>().version("1.2.3"), entry::<NightlyNothing>()];
        std::process::exit(main_with(&entries, args).into());
    }
}

fn start(args: &[&str]) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "signals::a_process_for_the_others", "--nocapture"]).env(CHILD, [&["numbers"], args].concat().join("\n"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn call(args: &[&str]) -> (Option<i32>, String, String) {
    let output = start(args).wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Starts a run that would take minutes, sends signals once it moves, and gives back exit code,
/// stderr and how many numbers were loaded.
fn interrupted(more: &[&str], signals: &[&str]) -> (Option<i32>, String, usize) {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path().display();
    let settings = [format!("output={here}/numbers.txt"), format!("rejects={here}/rejects.jsonl")];
    let state = format!("{here}/state");
    let args = [
        "daily_numbers",
        "run",
        "--set",
        "count=100000",
        "--set",
        "pause=5ms",
        "--set",
        "password=x",
        "--progress",
        "json",
        "--set",
        "numbers.batch=10",
    ];
    let args = [&args[..], &["--set", &settings[0], "--set", &settings[1], "--state-dir", &state], more].concat();
    let begun = Instant::now();
    let mut child = start(&args);
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut err = lines.next().unwrap().unwrap() + "\n";
    for signal in signals {
        assert!(Command::new("kill").args([*signal, &child.id().to_string()]).status().unwrap().success());
        for line in lines.by_ref() {
            let line = line.unwrap();
            err += &(line.clone() + "\n");
            if line.starts_with("stopping") || line.starts_with("giving up") {
                break;
            }
        }
    }
    for line in lines {
        err += &(line.unwrap() + "\n");
    }
    let code = child.wait().unwrap().code();
    assert!(begun.elapsed() < Duration::from_secs(20), "it took {:?}: {err}", begun.elapsed());
    (code, err, std::fs::read_to_string(dir.path().join("numbers.txt")).map_or(0, |text| text.lines().count()))
}

#[test]
fn the_first_signal_finishes_what_is_read() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let (exit, err, loaded) = interrupted(&[], &[signal]);
        assert_eq!(exit, Some(code), "{err}");
        assert!(err.contains("stopping: finishing what is read; once more to give up"), "{err}");
        assert!(err.contains("DailyNumbers stopped in"), "{err}");
        assert!(loaded > 0, "{err}");
        assert!(err.contains(&format!("{loaded} loaded")) && !err.contains("unfinished"), "{err}");
    }
}

#[test]
fn the_second_signal_gives_up() {
    // A batch that never fills keeps the drain busy: the pause goes on for every number.
    let (exit, err, _) = interrupted(&["--set", "pause=50ms", "--set", "numbers.batch=100000"], &["-INT", "-INT"]);
    assert_eq!(exit, Some(130), "{err}");
    assert!(err.contains("DailyNumbers stopped in"), "{err}");
}

#[test]
fn what_is_not_finished_within_the_drain_timeout_is_given_up() {
    let slow = ["--set", "pause=50ms", "--set", "numbers.batch=100000", "--set", "pipeline.drain_timeout=200ms"];
    let (exit, err, _) = interrupted(&slow, &["-TERM"]);
    assert_eq!(exit, Some(143), "{err}");
    assert!(err.contains("DailyNumbers stopped in"), "{err}");
}

#[test]
fn several_pipelines_are_called_by_name() {
    for name in ["nightly-nothing", "nightly_nothing", "NightlyNothing"] {
        let dir = tempfile::tempdir().unwrap();
        let (code, _, err) = call(&[name, "run", "--state-dir", &dir.path().display().to_string()]);
        assert_eq!(code, Some(0), "{err}");
        assert!(err.contains("NightlyNothing done"), "{err}");
    }
    let (code, out, _) = call(&["--help"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("daily-numbers") && out.contains("Weighs numbers."), "{out}");
    let (_, out, _) = call(&["--version"]);
    assert!(out.contains("numbers 1.2.3 (etl-core "), "{out}");
    let (code, _, err) = call(&["weekly", "run"]);
    assert_eq!(code, Some(2), "{err}");
    let (code, _, err) = call(&["daily-numbers", "run"]);
    assert_eq!(code, Some(78));
    assert!(err.contains("next: `numbers daily-numbers plan`"), "{err}");
}

#[test]
fn i8_the_text_of_a_panic_is_withheld() {
    let (code, _, err) = call(&[
        "daily-numbers",
        "run",
        "--set",
        "count=1",
        "--set",
        "output=o",
        "--set",
        "password=hunter2",
        "--set",
        "wrong=resource_panics",
        "--state-dir",
        "/dev/null/none",
    ]);
    assert_eq!(code, Some(101), "{err}");
    assert!(!err.contains("hunter2"), "{err}");
    assert!(err.contains("panicked at") && err.contains("warning: the report is not kept"), "{err}");
}
