//! Runs the built binaries as a stranger would, in a folder of their own.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A folder that goes away with the test.
pub struct Place(tempfile::TempDir);

/// What came of a run of `flights`.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    /// The report, where one was written.
    pub report: Option<Value>,
}

/// The data that is kept in the repository.
pub fn data(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(file)
}

impl Place {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    /// Writes an input, with the lookup tables beside it.
    pub fn input(&self, content: impl AsRef<[u8]>) -> PathBuf {
        for table in ["airlines.csv", "planes.csv"] {
            std::fs::copy(data(table), self.path(table)).unwrap();
        }
        let path = self.path("flights.csv");
        std::fs::write(&path, content).unwrap();
        path
    }

    /// `flights run`, with its three settings and what else is given.
    pub fn flights(&self, input: &Path, more: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flights"));
        command.arg("run");
        for (key, path) in [("input", input.to_owned()), ("output", self.path("flights.sqlite")), ("rejects", self.path("rejects.jsonl"))] {
            command.arg("--set").arg(format!("{key}={}", path.display()));
        }
        command.arg("--report").arg(self.path("report.json")).args(more);
        self.run(command)
    }

    /// Runs a command in this folder.
    pub fn run(&self, mut command: Command) -> Ran {
        let _none_yet = std::fs::remove_file(self.path("report.json"));
        let Output { status, stdout, stderr } = command.current_dir(self.0.path()).env_remove("RUST_LOG").output().unwrap();
        let report = std::fs::read(self.path("report.json")).ok().map(|json| serde_json::from_slice(&json).unwrap());
        Ran {
            code: status.code().unwrap_or(-1),
            stdout: String::from_utf8(stdout).unwrap(),
            stderr: String::from_utf8(stderr).unwrap(),
            report,
        }
    }

    /// The dead letters, parsed.
    pub fn rejects(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.path("rejects.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// One number out of the database that was made.
    pub fn number(&self, sql: &str) -> f64 {
        let database = rusqlite::Connection::open(self.path("flights.sqlite")).unwrap();
        database.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

impl Ran {
    /// A number of the report's totals.
    pub fn total(&self, name: &str) -> u64 {
        self.report.as_ref().expect("a report")["records"][name].as_u64().expect("a number")
    }

    /// Checks I3 from the report alone, as a stranger would.
    pub fn assert_conserved(&self) {
        let report = self.report.as_ref().expect("a report");
        let sum = |counts: &Value, names: &[&str]| names.iter().map(|name| counts[*name].as_u64().expect(name)).sum::<u64>();
        let fates = ["loaded", "filtered", "skipped", "rejected", "failed", "absorbed", "dropped", "unfinished"];
        let records = &report["records"];
        assert_eq!(sum(records, &["extracted", "made"]), sum(records, &fates), "{records}");
        let stages = report["stages"].as_array().unwrap();
        for stage in stages {
            let fates = ["out", "filtered", "skipped", "rejected", "failed", "unfinished"];
            assert_eq!(sum(stage, &["in", "made"]), sum(stage, &fates), "{stage}");
        }
        for pair in stages.windows(2) {
            assert_eq!(pair[0]["out"], pair[1]["in"], "{pair:?}");
        }
    }

    /// Fails with this code and these words.
    pub fn assert_fails(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{}", self.stderr);
        for word in words {
            assert!(self.stderr.contains(word), "no `{word}` in:\n{}", self.stderr);
        }
        assert!(!self.stderr.contains("panicked at"), "{}", self.stderr);
    }
}
