//! `cargo xtask bench instructions`: how many instructions a record takes on the hot path.
//!
//! Instructions are the same on a busy machine as on a quiet one, so that this is compared in CI with what is committed. Each flow
//! runs over so many records and over twice as many: what starts and ends a run cancels out.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use crate::step::{Result, cargo, command, output, root, run, works};

/// What is committed: a name and a number a line.
const COMMITTED: &str = "tests/hot_path/instructions.txt";
/// Enough for many batches, and few enough for a processor that is simulated.
const RECORDS: u64 = 100_000;
/// How much more than what is committed passes: workers that wait for each other do not always wait equally long.
const MARGIN: f64 = 1.12;
/// How much less makes what is committed out of date.
const SAVED: f64 = 0.90;
const FLOWS: [&str; 5] = ["light", "decode", "decode-owned", "encode", "clean"];

const MISSING: &str = "valgrind is not installed, and nothing else counts instructions: `apt-get install valgrind`";

/// As [`instructions`], on a machine that may have nothing but the toolchain.
pub(crate) fn instructions_if_possible() -> Result<()> {
    if works(command("valgrind").arg("--version")) {
        return instructions(false);
    }
    println!("skipped: {MISSING}");
    Ok(())
}

/// Counts, prints, and compares; an error where a flow takes more than is committed.
pub(crate) fn instructions(write: bool) -> Result<()> {
    if !works(command("valgrind").arg("--version")) {
        return Err(MISSING.into());
    }
    let program = build()?;
    let folder = program.with_extension("data");
    fs::create_dir_all(&folder)?;
    let mut counted = BTreeMap::new();
    for flow in FLOWS {
        let (one, two) = (count(&program, flow, &folder, RECORDS)?, count(&program, flow, &folder, 2 * RECORDS)?);
        counted.insert(flow.to_owned(), (two as f64 - one as f64) / RECORDS as f64);
    }
    if write {
        let lines: String = counted.iter().fold(String::new(), |mut text, (flow, each)| {
            let _infallible = writeln!(text, "{flow} {each:.0}");
            text
        });
        fs::write(root().join(COMMITTED), lines).map_err(|error| format!("{COMMITTED} cannot be written: {error}"))?;
    }
    let committed = fs::read_to_string(root().join(COMMITTED)).map_err(|error| format!("{COMMITTED} cannot be read: {error}"))?;
    let compared = Compared::of(&counted, &parse(&committed)?);
    print!("{}", compared.text);
    if compared.over.is_empty() {
        Ok(())
    } else {
        Err(format!("more instructions a record than {COMMITTED} says: {}", compared.over.join(", ")).into())
    }
}

/// The program with the flows, optimized.
fn build() -> Result<PathBuf> {
    let messages = output(&mut cargo(&[
        "bench",
        "-p",
        "etl-tests",
        "--bench",
        "hot_path",
        "--no-run",
        "--message-format",
        "json-render-diagnostics",
    ]))?;
    messages.lines().rev().find_map(program).ok_or_else(|| "cargo named no program that it has built".into())
}

fn program(message: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let named = message["target"]["name"] == "hot_path";
    message["executable"].as_str().filter(|_| named).map(PathBuf::from)
}

/// The instructions of a whole run.
fn count(program: &Path, flow: &str, folder: &Path, records: u64) -> Result<u64> {
    let records = records.to_string();
    run(command(program).arg("make").arg(folder).arg(&records))?;
    let mut valgrind = command("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program).args(["run", flow]).arg(folder).arg(&records);
    let said = valgrind.stdout(Stdio::null()).output()?;
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    collected(&said).ok_or_else(|| format!("valgrind counted nothing for `{flow}`:\n{said}").into())
}

/// `==7== Collected : 123`
fn collected(said: &str) -> Option<u64> {
    said.lines().rev().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
}

fn parse(committed: &str) -> Result<BTreeMap<String, f64>> {
    let line = |line: &str| -> Option<(String, f64)> {
        let (flow, each) = line.split_once(' ')?;
        Some((flow.to_owned(), each.parse().ok()?))
    };
    committed.lines().map(|text| line(text).ok_or_else(|| format!("{COMMITTED}: no name and number: {text:?}").into())).collect()
}

/// What was counted beside what is committed.
struct Compared {
    text: String,
    /// The flows that take more.
    over: Vec<String>,
}

impl Compared {
    fn of(counted: &BTreeMap<String, f64>, committed: &BTreeMap<String, f64>) -> Self {
        let (mut text, mut over) = (String::from("instructions a record  counted  committed\n"), Vec::new());
        for (flow, each) in counted {
            let before = committed.get(flow).copied();
            let says = before.map_or_else(|| "–".to_owned(), |before| format!("{before:.0}"));
            let verdict = match before {
                Some(before) if *each <= before * SAVED => "  fewer: commit it, by `--write`",
                Some(before) if *each <= before * MARGIN => "",
                _ => {
                    over.push(flow.clone());
                    "  MORE"
                }
            };
            let _infallible = writeln!(text, "{flow:<21} {each:>8.0} {says:>10}{verdict}");
        }
        Self { text, over }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(text: &str) -> BTreeMap<String, f64> {
        parse(text).unwrap()
    }

    #[test]
    fn the_last_sum_of_valgrind_counts() {
        assert_eq!(collected("==7== Events    : Ir\n==7== Collected : 8412345\n==7==\n"), Some(8_412_345));
        assert_eq!(collected("valgrind: no such program"), None);
    }

    #[test]
    fn more_than_is_committed_fails_and_so_does_what_is_not_committed() {
        let compared = Compared::of(&numbers("a 113\nb 111\nc 80\nd 1"), &numbers("a 100\nb 100\nc 100"));
        assert_eq!(compared.over, ["a", "d"]);
        assert!(compared.text.contains("c                           80        100  fewer"), "{}", compared.text);
    }

    #[test]
    fn what_is_committed_names_the_flows() {
        let committed = fs::read_to_string(root().join(COMMITTED)).unwrap();
        assert_eq!(parse(&committed).unwrap().into_keys().collect::<Vec<_>>(), {
            let mut flows = FLOWS.to_vec();
            flows.sort_unstable();
            flows
        });
        assert!(parse("a b").is_err());
    }
}
