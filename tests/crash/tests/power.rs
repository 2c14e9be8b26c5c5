//! What the harness knows of a power failure, and that its rounds are its own.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::path::Path;

use etl_crash::class::Class;
use etl_crash::disk::Luck;
use etl_crash::freight::Freight;
use etl_crash::spoil::{self, RECORDS};
use etl_crash::tracer::Change;
use etl_crash::yard::Yard;
use etl_crash::{Result, power};

fn yard(root: &Path) -> Result<Yard> {
    Yard::open(root, Path::new(env!("CARGO_BIN_EXE_ferry")), Freight { records: RECORDS }, true)
}

/// No run may ever come that would load again what is lost then.
#[test]
fn what_a_run_has_said_is_done_outlives_the_power() {
    let root = tempfile::tempdir().unwrap();
    let yard = yard(root.path()).unwrap();
    for class in Class::ALL.into_iter().filter(|class| *class != Class::Postgres) {
        for luck in [Luck::Nothing, Luck::Names, Luck::Bytes, Luck::Die(1), Luck::Die(2)] {
            let (outcome, was_the_end) = power::place(&yard, class, luck, usize::MAX).unwrap();
            assert!(was_the_end);
            assert!(outcome.is_good(class.promise()), "{}: {}", class.name(), outcome.words());
        }
    }
}

/// The last that is done to a new database before it is published is to make it one file, under a journal
/// of the old kind. Its checksums see every two hundredth byte, so it must not count (by what is written
/// to its very beginning) before all of it is on the disk.
#[test]
fn a_journal_counts_only_when_it_is_whole() {
    let root = tempfile::tempdir().unwrap();
    let yard = yard(root.path()).unwrap();
    let pier = yard.pier("seen", Class::SqliteNew).unwrap();
    let calls = spoil::traced(&yard, &pier, None).unwrap().calls;
    let is = |path: &Path, end: &str| path.to_string_lossy().ends_with(end);
    let removed = calls.iter().position(|call| matches!(&call.change, Change::Remove { path } if is(path, "-wal")));
    let of_journal: Vec<_> = calls[removed.expect("a log")..]
        .iter()
        .filter_map(|call| match &call.change {
            Change::Write { path, offset, .. } if is(path, "-journal") => Some(Some(*offset)),
            Change::Sync { path } if is(path, "-journal") => Some(None),
            _ => None,
        })
        .collect();
    let counts = of_journal.iter().skip(1).position(|change| *change == Some(0)).expect("the first 12 bytes are written anew") + 1;
    assert!(of_journal[..counts].last() == Some(&None), "what was not synced before counts: {of_journal:?}");
}

/// Calls that are not seen cannot be spoilt, and a sweep of a few places would look like all of them.
#[test]
fn a_run_is_seen_through_a_symbolic_link() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("there")).unwrap();
    std::os::unix::fs::symlink("there", root.path().join("here")).unwrap();
    let yard = yard(&root.path().join("here")).unwrap();
    let pier = yard.pier("seen", Class::Sqlite).unwrap();
    let calls = spoil::traced(&yard, &pier, None).unwrap().calls;
    let output = pier.output();
    let writes = calls.iter().filter(|call| matches!(&call.change, Change::Write { path, .. } if *path == output));
    assert!(writes.count() > 10);
}

#[test]
fn two_harnesses_do_not_share_a_directory() {
    let root = tempfile::tempdir().unwrap();
    let held = Yard::lock(root.path()).unwrap();
    assert!(Yard::lock(root.path()).is_err());
    drop(held);
    Yard::lock(root.path()).unwrap();
}
