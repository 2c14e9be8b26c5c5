//! The power fails right after a run has said that it is done.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::path::Path;

use etl_crash::class::Class;
use etl_crash::disk::Luck;
use etl_crash::freight::Freight;
use etl_crash::spoil::RECORDS;
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
