//! What a record costs in allocations: nothing of its own, unless its own type allocates.
//!
//! Two runs differ in their number of records alone, so that what is left of the difference is what
//! the records cost.

#![allow(missing_docs, unreachable_pub, reason = "the stages of a test are public because the macros make public types of them")]

#[path = "../hot_path/flows.rs"]
mod flows;

use std::alloc::System;
use std::path::Path;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const RECORDS: u64 = 100_000;

/// Allocations and reallocations of a run, of all threads.
fn allocations(flow: &str, folder: &Path, records: u64) -> usize {
    flows::make_input(folder, records).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let region = Region::new(ALLOCATOR);
    let report = runtime.block_on(flows::run(flow, folder, records)).unwrap();
    let change = region.change();
    assert_eq!(report.records.extracted, records);
    change.allocations + change.reallocations
}

/// How many allocations a further record costs.
fn per_record(flow: &str) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    // What is made once is made by now.
    allocations(flow, folder.path(), RECORDS / 10);
    let (one, two) = (allocations(flow, folder.path(), RECORDS), allocations(flow, folder.path(), 2 * RECORDS));
    let more = (two as f64 - one as f64) / RECORDS as f64;
    println!("{flow}: {more:.3} allocations a record");
    more
}

// One test, because the allocator counts all threads of the process.
#[test]
fn a_record_costs_no_allocation_but_its_own() {
    let allowed = [
        // What is left belongs to the batches, which hold 500 records here and 2,048 elsewhere.
        (0.0, 0.05),
        (0.0, 0.03),
        (1.0, 0.03),
        (0.0, 0.03),
        // One record in two hundred is a dead letter, and takes a few.
        (0.0, 0.06),
    ];
    for (flow, (own, rest)) in flows::FLOWS.into_iter().zip(allowed) {
        let more = per_record(flow);
        assert!(more >= own - rest && more <= own + rest, "{flow}: {more:.3} allocations a record, of which its own are {own}");
    }
}
