//! Work that computes.

use super::micro;
use crate::bench::contest::{Bar, Measure, Table};
use crate::bench::engine::Part;

const RECORDS: u64 = 400_000;
const IDEAL: &str = "two threads, one counter";
const OURS: &str = "**ours**, order kept";

pub(super) fn tables() -> Vec<Table> {
    let row = |name, contestant: &str| micro(name, Part::Cpu, contestant, RECORDS).with("batch", 500);
    vec![Table {
        title: "Work that computes".to_owned(),
        about: format!("{RECORDS} records, each hashed sixteen times by SHA-256, in batches of 500, on two threads."),
        rows: vec![
            row(IDEAL, "counter"),
            row(OURS, "ours"),
            row("rayon `par_bridge`, order lost", "rayon-par-bridge"),
            row("threads and a reorder map, order kept", "threads-ordered"),
            row("one thread", "one-thread"),
        ],
        baseline: Some(IDEAL),
        ours: Some(OURS),
        bars: vec![Bar {
            what: "cpu: efficiency, that is two threads / ours".to_owned(),
            measure: Measure::Efficiency { of: OURS, to: IDEAL, limit: 0.95 },
        }],
        runs_per_round: 2,
    }]
}
