//! The history of a pipeline: one line of JSON for each run, in `runs.jsonl` of the state folder.
//!
//! It is kept for people. Nothing is decided by it, so what cannot be read of it is left out, and a run
//! that cannot add to it has still done what it did.

use std::fs::OpenOptions;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::verbs::write_atomically;
use crate::observe::report::{Report, Totals};

/// The version of a line; raised when a field changes its meaning or goes.
const VERSION: u32 = 1;

/// When the history is longer, in bytes, its older half is forgotten: some ten thousand runs.
const LIMIT: u64 = 4 << 20;

/// A run as it is written down.
#[derive(Serialize)]
struct Line<'a> {
    v: u32,
    run_id: &'a str,
    started: &'a str,
    seconds: f64,
    status: &'a str,
    exit_code: u8,
    source: &'a str,
    target: &'a str,
    records: &'a Totals,
    /// Why it did not end well: the code, which never holds content of a record.
    error: Option<&'a str>,
}

/// A run as it is read.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Past {
    pub(crate) run_id: String,
    pub(crate) started: String,
    pub(crate) seconds: f64,
    pub(crate) status: String,
    pub(crate) exit_code: u8,
    pub(crate) records: Sums,
    #[serde(default)]
    pub(crate) error: Option<String>,
}

/// What people ask for first.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Sums {
    pub(crate) extracted: u64,
    pub(crate) loaded: u64,
    pub(crate) rejected: u64,
}

/// The file of the history.
pub(crate) fn place(state: &Path) -> PathBuf {
    state.join("runs.jsonl")
}

/// Adds a run that has ended; the folder is there.
///
/// # Errors
/// That the file cannot be written.
pub(crate) fn add(state: &Path, report: &Report, exit_code: u8) -> io::Result<()> {
    let line = Line {
        v: VERSION,
        run_id: &report.run_id,
        started: &report.started,
        seconds: report.seconds,
        status: report.status.as_str(),
        exit_code,
        source: &report.source,
        target: &report.target,
        records: &report.records,
        error: report.error.as_ref().map(|error| error.code),
    };
    add_line(&place(state), &serde_json::to_vec(&line)?, LIMIT)
}

fn add_line(path: &Path, line: &[u8], limit: u64) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
    let length = file.seek(SeekFrom::End(0))?;
    let mut last = [b'\n'];
    if length > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    // One write, so that two runs which end at once do not mix; and not behind the half line of a
    // process that was killed.
    let before: &[u8] = if last == *b"\n" { b"" } else { b"\n" };
    file.write_all(&[before, line, b"\n"].concat())?;
    file.sync_data()?;
    if length > limit {
        forget_half(path)?;
    }
    Ok(())
}

fn forget_half(path: &Path) -> io::Result<()> {
    let all = std::fs::read(path)?;
    let half = all.len() / 2;
    let start = all[half..].iter().position(|byte| *byte == b'\n').map_or(0, |end| half + end + 1);
    write_atomically(path, &all[start..])
}

/// The last runs, the newest at the end: each as it was written, and as it is read.
///
/// # Errors
/// That there is a history, and it cannot be read.
pub(crate) fn last(state: &Path, count: usize) -> io::Result<Vec<(serde_json::Value, Past)>> {
    let text = match std::fs::read(place(state)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let runs = text.split(|byte| *byte == b'\n').rev().filter_map(|line| {
        let value: serde_json::Value = serde_json::from_slice(line).ok()?;
        Past::deserialize(&value).ok().map(|past| (value, past))
    });
    let mut runs: Vec<_> = runs.take(count).collect();
    runs.reverse();
    Ok(runs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::report::sample;

    #[test]
    fn runs_are_told_in_their_order_whatever_else_stands_there() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path();
        assert!(last(state, 5).unwrap().is_empty());
        add(state, &sample(), 0).unwrap();
        let mut text = std::fs::read(place(state)).unwrap();
        text.extend_from_slice(b"{\"v\":1}\n\xff\n{\"v\":1,\"run_");
        std::fs::write(place(state), text).unwrap();
        add(state, &Report { run_id: "second".to_owned(), ..sample() }, 65).unwrap();
        let told: Vec<_> = last(state, 5).unwrap().into_iter().map(|(_, past)| (past.run_id, past.exit_code)).collect();
        assert_eq!(told, [(sample().run_id, 0), ("second".to_owned(), 65)]);
        assert_eq!(last(state, 1).unwrap()[0].1.records.loaded, 327_346);
    }

    #[test]
    fn i6_a_long_history_forgets_its_beginning() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.jsonl");
        for number in 0..200 {
            add_line(&path, format!("{number:04}").as_bytes(), 100).unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.len() <= 110 && text.ends_with("0198\n0199\n"), "{text}");
        assert!(text.lines().all(|line| line.len() == 4), "whole lines: {text}");
    }
}
