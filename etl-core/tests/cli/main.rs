//! The command line from end to end: verbs, layers, exit codes, reports, signals.

#![cfg(feature = "cli")]

mod dlq;
mod pipeline;
mod runs;
#[cfg(unix)]
mod signals;

use std::path::Path;

use etl_core::cli;
use pipeline::DailyNumbers;

/// What a call came to.
struct Called {
    code: u8,
    out: String,
    err: String,
}

/// Calls the command line in a folder of its own. `{dir}` in arguments is that folder.
fn call_in(dir: &Path, args: &[&str], env: &[(&str, &str)]) -> Called {
    let here = dir.display().to_string();
    let args = std::iter::once("numbers".to_owned()).chain(args.iter().map(|arg| arg.replace("{dir}", &here)));
    let state = [("ETL_STATE_DIR".to_owned(), format!("{here}/state"))];
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), value.replace("{dir}", &here))).chain(state);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = cli::run_with::<DailyNumbers>(args, env, &mut out, &mut err);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    // `.` is where nothing is written.
    let text = |bytes| if here == "." { text(bytes) } else { text(bytes).replace(&here, "{dir}") };
    Called { code, out: text(out), err: text(err) }
}

const COMPLETE: [&str; 8] =
    ["--set", "count=100", "--set", "output={dir}/numbers.txt", "--set", "password=hunter2", "--set", "rejects={dir}/rejects.jsonl"];

/// `run` with complete settings and these arguments more.
fn run_in(dir: &Path, more: &[&str]) -> Called {
    let called = call_in(dir, &[&["run"], &COMPLETE[..], more].concat(), &[]);
    assert!(!called.err.contains("hunter2") && !called.out.contains("hunter2"), "i8: {}", called.err);
    called
}

fn run(more: &[&str]) -> Called {
    run_in(tempfile::tempdir().unwrap().path(), more)
}

fn with(setting: &str) -> Called {
    run(&["--set", setting])
}

/// Takes out what differs from run to run.
fn steady(text: &str) -> String {
    let mut steady = String::new();
    for line in text.lines() {
        let line = match line.split_once("  ") {
            Some(("", rest)) if rest.starts_with("run ") => "  run     {id}".to_owned(),
            Some(("", rest)) if rest.starts_with("memory ") => continue,
            _ => match line.split_once(" in ") {
                Some((before, _time)) if before.ends_with("done") || before.ends_with("failed") => format!("{before} in {{time}}"),
                _ => line.to_owned(),
            },
        };
        let line = match line.rsplit_once("  ") {
            Some((before, after)) if after.ends_with("s") && after.starts_with(|c: char| c.is_ascii_digit()) => {
                format!("{}  {{busy}}", before.trim_end())
            }
            _ if line.ends_with("  busy") => line.trim_end_matches("busy").trim_end().to_owned() + "  busy",
            _ => line,
        };
        steady += line.trim_end();
        steady.push('\n');
    }
    steady
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_run_loads_and_reports() {
    let dir = tempfile::tempdir().unwrap();
    let called = run_in(dir.path(), &["--threads", "1", "--report", "{dir}/report.json"]);
    assert_eq!(called.code, 0, "{}", called.err);
    assert_eq!(called.out, "");
    insta::assert_snapshot!(steady(&called.err));
    assert_eq!(std::fs::read_to_string(dir.path().join("numbers.txt")).unwrap().lines().count(), 90);
    assert_eq!(std::fs::read_to_string(dir.path().join("rejects.jsonl")).unwrap().lines().count(), 10);
    let report = std::fs::read_to_string(dir.path().join("report.json")).unwrap();
    assert_eq!(report, std::fs::read_to_string(dir.path().join("state/last-report.json")).unwrap());
    let report = json(&report);
    assert_eq!((&report["status"], &report["records"]["loaded"], &report["records"]["rejected"]), (&"done".into(), &90.into(), &10.into()));
}

#[test]
fn the_report_can_go_to_stdout() {
    let called = run(&["--report", "-"]);
    assert_eq!(json(&called.out)["version"], 1);
}

#[test]
fn a_dry_run_loads_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let called = run_in(dir.path(), &["--dry-run"]);
    assert_eq!(called.code, 0, "{}", called.err);
    assert!(called.err.contains("nothing was loaded"), "{}", called.err);
    assert!(!dir.path().join("numbers.txt").exists());
}

#[test]
fn a_limit_stops_reading() {
    let called = run(&["--limit", "20", "--report", "-"]);
    assert_eq!((called.code, &json(&called.out)["records"]["extracted"]), (0, &20.into()), "{}", called.err);
}

#[test]
fn progress_is_a_line_of_json_for_programs() {
    let called = run(&["--set", "pause=25ms", "--progress", "json"]);
    let line = called.err.lines().next().unwrap();
    assert_eq!(json(line)["pipeline"], "DailyNumbers", "{}", called.err);
}

#[test]
fn every_way_to_fail_has_its_exit_code() {
    for (wrong, code, words) in [
        ("resource", 1, "error: the scales are not there"),
        ("resource_panics", 101, "error: a resource panicked while it was made"),
        ("source_missing", 1, "caused by: No such file or directory"),
        ("source_away", 75, "next: try again later; `numbers check`"),
        ("output_exists", 78, "hint: `--replace` replaces it"),
        ("transform", 1, "stage `weigh`, memory record 13: the scales are broken"),
        ("transform_panics", 101, "stage `weigh`"),
        ("load", 1, "hint: ask it nicely"),
    ] {
        let called = with(&format!("wrong={wrong}"));
        assert_eq!(called.code, code, "{wrong}: {}", called.err);
        assert!(called.err.contains(words), "{wrong}: {}", called.err);
        assert!(called.err.contains("DailyNumbers failed in"), "{wrong}: {}", called.err);
    }
    let called = with("pipeline.error_threshold=5");
    assert_eq!(called.code, 65, "{}", called.err);
    assert!(called.err.contains("next: look at {dir}/rejects.jsonl; `--set pipeline.error_threshold=…`"), "{}", called.err);
    assert_eq!(with("rejects={nowhere}/none/rejects.jsonl").code, 78);
    assert_eq!(run(&["--report", "{dir}/none/report.json"]).code, 78);
}

#[test]
fn a_failed_run_is_reported_in_words() {
    insta::assert_snapshot!(
        steady(&with("wrong=transform").err)
            .lines()
            .filter(|line| line.starts_with("error") || line.starts_with("  next"))
            .collect::<Vec<_>>()
            .join("\n")
    );
}

#[test]
fn wrong_usage_is_2() {
    for args in [&["run", "--batch", "5"][..], &["rnu"], &[], &["graph", "--format", "png"], &["run", "--set", "countx"]] {
        let called = call_in(Path::new("."), args, &[]);
        assert_eq!(called.code, 2, "{args:?}: {}", called.err);
        assert_eq!(called.out, "");
    }
    assert!(call_in(Path::new("."), &["chek"], &[]).err.contains("'check'"));
    let secret = call_in(Path::new("."), &["run", "--set", "password:hunter2"], &[]).err;
    assert!(!secret.contains("hunter2"), "{secret}");
}

#[test]
fn settings_that_cannot_be_used_are_78_and_nothing_runs() {
    let called = call_in(
        Path::new("."),
        &["run", "--set", "count=many", "--set", "weigh.batch=0", "--set", "weigh.timeout=1s"],
        &[("ETL__PASWORD", "hunter2")],
    );
    assert_eq!(called.code, 78);
    insta::assert_snapshot!(called.err);
}

#[test]
fn a_broken_file_is_78() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("etl.toml"), "count = 5\npassword = hunter2\n").unwrap();
    let called = call_in(dir.path(), &["run", "--config", "{dir}/etl.toml"], &[]);
    assert_eq!(called.code, 78);
    insta::assert_snapshot!(called.err);
    let called = call_in(dir.path(), &["run", "--config", "{dir}/other.toml"], &[]);
    assert_eq!(called.code, 78);
    assert!(called.err.contains("cannot read the configuration file {dir}/other.toml"), "{}", called.err);
}

#[test]
fn files_are_found_by_the_environment_and_the_last_one_wins() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.toml"), "count = 1\npassword = 'x'\noutput = 'o'\n[append]\nbatch = 3\n").unwrap();
    std::fs::write(dir.path().join("b.toml"), "count = 2\n").unwrap();
    let called = call_in(
        dir.path(),
        &["plan", "--json", "--set", "append.batch=5"],
        &[("ETL_CONFIG", "{dir}/a.toml:{dir}/b.toml"), ("ETL__OUTPUT", "p")],
    );
    assert_eq!(called.code, 0, "{}", called.err);
    let plan = json(&called.out);
    let from = |values: &serde_json::Value, key: &str| {
        let value = values.as_array().unwrap().iter().find(|value| value["key"] == key).unwrap().clone();
        format!("{} {}", value["value"].as_str().unwrap_or("-"), value["from"].as_str().unwrap())
    };
    assert_eq!(from(&plan["settings"], "count"), "2 file {dir}/b.toml");
    assert_eq!(from(&plan["settings"], "password"), "*** file {dir}/a.toml");
    assert_eq!(from(&plan["settings"], "output"), "p env ETL__OUTPUT");
    assert_eq!(from(&plan["settings"], "pause"), "- default");
    assert_eq!(from(&plan["stages"][2]["options"], "batch"), "5 flag --set");
}

#[test]
fn check_tells_what_it_found() {
    let dir = tempfile::tempdir().unwrap();
    let called = call_in(dir.path(), &[&["check"], &COMPLETE[..]].concat(), &[]);
    assert_eq!(
        (called.code, called.out.as_str()),
        (0, "DailyNumbers can run\n  source        memory\n  dead letters  {dir}/rejects.jsonl\n"),
        "{}",
        called.err
    );
    assert!(!dir.path().join("numbers.txt").exists());
    assert!(!dir.path().join("state").exists());
}

#[test]
fn a_failed_check_is_78() {
    for wrong in ["source_missing", "source_away", "resource"] {
        let called = call_in(Path::new("."), &[&["check"], &COMPLETE[..6], &["--set", &format!("wrong={wrong}")]].concat(), &[]);
        assert_eq!(called.code, 78, "{}", called.err);
        assert!(called.err.starts_with("error: "), "{}", called.err);
    }
    assert_eq!(call_in(Path::new("."), &["check"], &[]).code, 78);
}

#[test]
fn the_plan_needs_no_settings() {
    let called = call_in(Path::new("."), &["plan", "--threads", "2"], &[]);
    assert_eq!(called.code, 0, "{}", called.err);
    insta::assert_snapshot!(called.out);
    assert_eq!(call_in(Path::new("."), &["plan", "--set", "count=x"], &[]).code, 78);
}

#[test]
fn the_graph_goes_to_stdout_or_into_a_file() {
    let dir = tempfile::tempdir().unwrap();
    for (format, start) in [("mermaid", "flowchart LR\n"), ("dot", "digraph"), ("svg", "<svg"), ("json", "{\n")] {
        let called = call_in(dir.path(), &["graph", "--format", format], &[]);
        assert!(called.code == 0 && called.out.starts_with(start), "{}", called.out);
        assert_eq!(call_in(dir.path(), &["graph", "--format", format, "-o", "{dir}/graph"], &[]).out, "");
        assert_eq!(std::fs::read_to_string(dir.path().join("graph")).unwrap(), called.out);
    }
    assert_eq!(call_in(dir.path(), &["graph", "-o", "{dir}/none/graph"], &[]).code, 78);
}

#[test]
fn help_lists_verbs_exit_codes_and_the_environment() {
    let help = call_in(Path::new("."), &["--help"], &[]);
    assert_eq!(help.code, 0);
    insta::assert_snapshot!("help", help.out);
    insta::assert_snapshot!("help_run", call_in(Path::new("."), &["run", "--help"], &[]).out);
}

#[test]
fn completions_know_the_verbs() {
    let called = call_in(Path::new("."), &["completions", "bash"], &[]);
    assert!(called.code == 0 && called.out.contains("check") && called.out.contains("numbers"));
}

#[test]
fn nobody_reading_is_no_error() {
    struct Closed;
    impl std::io::Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    assert_eq!(cli::run_with::<DailyNumbers>(["numbers", "plan"], [], &mut Closed, &mut Closed), 0);
}
