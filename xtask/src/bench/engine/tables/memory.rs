//! Memory.

use super::micro;
use crate::bench::contest::{Bar, Measure, Table};
use crate::bench::engine::Part;

/// The budget of the runs with wide records.
const BUDGET_MIB: u64 = 64;

pub(super) fn tables() -> Vec<Table> {
    vec![growing(), wide()]
}

/// More and more records.
fn growing() -> Table {
    const ONE: &str = "2 M records";
    const SLOW_ONE: &str = "slow target, 2 M records";
    const MORE: [&str; 2] = ["8 M records", "32 M records"];
    const SLOW_MORE: [&str; 2] = ["slow target, 8 M records", "slow target, 32 M records"];
    let row = |name, records| micro(name, Part::Memory, "stream", records);
    let slow = |name, records| row(name, records).with("pause-us", 300);
    let flat = |of, to| Bar { what: format!("memory: {of}, beside {to}"), measure: Measure::Flat { of, to } };
    Table {
        title: "Memory of a stream".to_owned(),
        about: "Numbers from an iterator, through a transform, on two workers. The slow target sleeps 300 µs for each batch, so \
                that everything in front of it waits."
            .to_owned(),
        rows: vec![
            row(ONE, 2_000_000),
            row(MORE[0], 8_000_000),
            row(MORE[1], 32_000_000),
            slow(SLOW_ONE, 2_000_000),
            slow(SLOW_MORE[0], 8_000_000),
            slow(SLOW_MORE[1], 32_000_000),
        ],
        baseline: None,
        ours: None,
        bars: vec![flat(MORE[1], ONE), flat(SLOW_MORE[1], SLOW_ONE)],
        runs_per_round: 1,
    }
}

/// Records of many bytes.
fn wide() -> Table {
    const NARROW: &str = "100 B, 2,000 records";
    const WIDE: [&str; 3] = ["100 B", "10 KiB", "10 MiB"];
    const ITERATED: [&str; 3] = ["100 B, from an iterator", "10 KiB, from an iterator", "10 MiB, from an iterator"];
    // The width, so many that they come to ten times the budget, and the microseconds of a batch.
    const SIZES: [(u64, u64, u64); 3] = [(100, 6_400_000, 1_000), (10 << 10, 65_536, 20_000), (10 << 20, 64, 20_000)];
    let row = |name, contestant, (width, records, pause)| {
        micro(name, Part::Memory, contestant, records).with("width", width).with("pause-us", pause).with("memory-mib", BUDGET_MIB)
    };
    let budget = |of: &'static str| Bar {
        what: format!("memory: budget of {BUDGET_MIB} MiB kept by records of {of}"),
        measure: Measure::Budget { of, to: NARROW, mib: BUDGET_MIB as f64 },
    };
    let rows = |names: [&'static str; 3], contestant: &'static str| {
        names.into_iter().zip(SIZES).map(move |(name, size)| row(name, contestant, size)).collect::<Vec<_>>()
    };
    Table {
        title: format!("Memory of wide records, with a budget of {BUDGET_MIB} MiB"),
        about: "Texts of one width, 640 MiB of them all in all, before a slow target; from a source that says how large its chunks are, \
                as the connectors do, and from an `impl Iterator`."
            .to_owned(),
        rows: [vec![row(NARROW, "wide", (100, 2_000, 0))], rows(WIDE, "wide"), rows(ITERATED, "wide-iterator")].concat(),
        baseline: None,
        ours: None,
        bars: WIDE.into_iter().chain(ITERATED).map(budget).collect(),
        runs_per_round: 1,
    }
}
