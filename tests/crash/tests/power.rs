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
