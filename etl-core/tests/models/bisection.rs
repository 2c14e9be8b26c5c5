//! Halving within a transaction, held against a plain loop: every set of bad rows of one batch.

use std::collections::BTreeMap;

use etl_core::observe::report::Status;
use etl_core::target::Keeps;

use crate::support::{Fate, Fates};
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

fn check(count: u64, bad: u32) {
    let class = |row: u64| if (row ^ u64::from(bad)).is_multiple_of(3) { Fate::Skip } else { Fate::Reject };
    let by_remainder: BTreeMap<_, _> = (0..count).filter(|row| bad & (1 << row) != 0).map(|row| (row, class(row))).collect();
    let load_fates = Fates { modulus: count.max(1), by_remainder };
    let shape = Shape { count, fates: Fates::default(), load_fates, spoils: true, flow: 0 };
    let world = World::new(shape.clone(), Keeps::Ledger);
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

#[test]
fn i3_of_every_set_of_bad_rows_only_those_are_left_out() {
    for count in 1..=10 {
        (0..1 << count).for_each(|bad| check(count, bad));
    }
}
