//! Halving, within a transaction or in several, held against a plain loop: every set of bad rows of one
//! batch.

use std::collections::BTreeMap;

use etl_core::observe::report::Status;
use etl_core::target::Keeps;

use crate::support::{Fate, Fates};
use crate::target::Fault;
use crate::world::{Ended, How, Shape, World};

/// How often a batch of `rows` is written until the `bad` ones of it are known: once as it is, and on
/// the way down to each of them both halves.
fn most_loads(rows: u64, bad: u64) -> u64 {
    if bad == 0 {
        return 1;
    }
    let levels = rows.div_ceil(bad).next_power_of_two().ilog2();
    2 + 2 * bad * (u64::from(levels) + 1)
}

fn check(count: u64, bad: u32, keeps: Keeps) {
    let class = |row: u64| if (row ^ u64::from(bad)).is_multiple_of(3) { Fate::Skip } else { Fate::Reject };
    let by_remainder: BTreeMap<_, _> = (0..count).filter(|row| bad & (1 << row) != 0).map(|row| (row, class(row))).collect();
    let load_fates = Fates { modulus: count.max(1), by_remainder };
    let shape = Shape { count, fates: Fates::default(), load_fates, spoils: true, flow: 0 };
    let world = World::new(shape.clone(), keeps);
    let ended = world.run(&How { batch: 10, travelling: 10, threads: 1, ..How::well() });
    let Ended::Reported(report) = ended else { panic!("nothing kills it") };
    assert_eq!(report.status, Status::Done, "{bad:b}: {:?}", report.failure);
    assert_eq!(world.rows(), shape.rows(), "{bad:b} of {count}");
    assert_eq!(world.lettered(), shape.rejected().collect::<Vec<_>>(), "{bad:b} of {count}");
    assert_eq!((report.records, report.all_runs), (shape.totals(), Some(shape.totals())), "{bad:b} of {count}");
    assert_eq!(world.broken(), Vec::<String>::new());
    let (loads, most) = (world.table.disk().loads as u64, most_loads(count, u64::from(bad.count_ones())));
    assert!(loads <= most, "{bad:b} of {count}: {loads} calls, at most {most} are needed");
}

/// All up to ten where there is time (`PROPERTY_BUDGET_SECS`); else those that halve evenly and oddly.
fn counts() -> Vec<u64> {
    if std::env::var_os("PROPERTY_BUDGET_SECS").is_some() { (1..=10).collect() } else { vec![1, 2, 3, 5, 8] }
}

#[test]
fn i3_between_savepoints_only_the_bad_of_any_rows_are_left_out() {
    for count in counts() {
        (0..1 << count).for_each(|bad| check(count, bad, Keeps::Ledger));
    }
}

#[test]
fn i3_in_transactions_of_their_own_only_the_bad_of_any_rows_are_left_out() {
    for count in counts() {
        (0..1 << count).for_each(|bad| check(count, bad, Keeps::Nothing));
    }
}

/// Rows that stop the run are not set aside: nothing of their batch is in the target, nor done.
#[test]
fn i1_a_batch_that_is_refused_for_good_leaves_nothing_and_is_loaded_by_the_next_run() {
    let bad = BTreeMap::from([(1, Fate::Skip), (6, Fate::Reject)]);
    let shape = Shape { count: 10, fates: Fates::default(), load_fates: Fates { modulus: 10, by_remainder: bad }, spoils: true, flow: 0 };
    // Every call of the halving, one after the other, is the one that is refused.
    for call in 1..16 {
        let world = World::new(shape.clone(), Keeps::Ledger);
        let how = How { batch: 10, travelling: 10, threads: 1, script: BTreeMap::from([(call, Fault::Refused)]), tears: false };
        let Ended::Reported(report) = world.run(&how) else { panic!("nothing kills it") };
        assert_eq!(report.status, Status::Failed, "call {call}");
        assert!(world.rows().is_empty(), "call {call}");
        let Ended::Reported(report) = world.run(&How::well()) else { panic!("nothing kills it") };
        assert_eq!((report.status, report.all_runs), (Status::Done, Some(shape.totals())), "call {call}");
        assert_eq!(world.rows(), shape.rows(), "call {call}");
    }
}
