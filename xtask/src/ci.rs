//! `cargo xtask ci`: the same steps as on the build machine, which calls it by `.ci/run`.

use std::collections::BTreeSet;

use crate::bench;
use crate::crash::crash;
use crate::reproducible::reproducible;
use crate::step::{Result, cargo, output, run, step};
use crate::test::{self, Profile};

/// The most crates that a pipeline without connectors may be compiled from, `etl-core` and `etl-macros` among them.
const CRATES: usize = 85;

/// Runs all steps, the quick ones first.
pub(crate) fn ci() -> Result<()> {
    step("format", || run(&mut cargo(&["fmt", "--all", "--check"])))?;
    step("lints", || run(cargo(&["clippy", "--workspace", "--all-targets", "--all-features"]).args(["--", "-D", "warnings"])))?;
    step("documentation", || run(cargo(&["doc", "--workspace", "--all-features", "--no-deps"]).env("RUSTDOCFLAGS", "-Dwarnings")))?;
    step("dependency budget", dependency_budget)?;
    step("reproducible build", reproducible)?;
    step("instructions a record", bench::instructions::instructions_if_possible)?;
    test::test(Profile::Ci)?;
    test::loom()?;
    // As many rounds as fit; the other kinds, all places, and a thousand rounds, are the same command by hand.
    step("crash", || crash(&["--kind", "kill,syscall,power,cut,stall", "--budget", "4m"].map(Into::into)))
}

/// What everybody compiles stays small, and the largest of it (`syn`) is compiled once.
fn dependency_budget() -> Result<()> {
    let tree = output(&mut cargo(&["tree", "-p", "etl-core", "-e", "normal,build", "--prefix", "none"]))?;
    let crates = crates(&tree);
    println!("{} crates, at most {CRATES}", crates.len());
    if crates.len() > CRATES {
        return Err(format!("etl-core is compiled from {} crates, and its budget is {CRATES}", crates.len()).into());
    }
    let syn: Vec<_> = crates.iter().filter(|name| name.starts_with("syn v")).collect();
    match syn.as_slice() {
        [_] => Ok(()),
        versions => Err(format!("one version of syn was expected, and there are {versions:?}").into()),
    }
}

/// The names and versions in the answer of `cargo tree`, each once.
fn crates(tree: &str) -> BTreeSet<&str> {
    let lines = tree.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| line.split(" (").next().unwrap_or(line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_is_counted_once_per_version() {
        let tree = "etl-core v0.1.0 (here)\nsyn v3.0.10\nserde_derive v1.0.229 (proc-macro)\n\
                    syn v2.0.119\nsyn v3.0.10 (*)\n\n";
        let names = ["etl-core v0.1.0", "serde_derive v1.0.229", "syn v2.0.119", "syn v3.0.10"];
        assert_eq!(crates(tree), BTreeSet::from(names));
    }
}
