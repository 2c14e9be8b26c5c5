//! `cargo xtask test` and `cargo xtask bless`.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::services::Services;
use crate::step::{Result, cargo, output, root, run, step, works};

/// The compile-fail suite: an integration test of this package.
const UI: (&str, &str) = ("etl-tests", "ui");

/// What writes `docs/errors.md` from the suite, where `ETL_BLESS` is set: an integration test, and a function in it.
const PAGE: (&str, &str) = ("gallery", "the_page_of_errors_is_made_of_the_fixtures");

/// Which profile of `.config/nextest.toml` the tests run with.
#[derive(Clone, Copy)]
pub(crate) enum Profile {
    /// Stops at the first failure.
    Default,
    /// Runs every test to its end.
    Ci,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Ci => "ci",
        }
    }
}

/// Everything that a change must pass.
pub(crate) fn test(profile: Profile) -> Result<()> {
    let suites = Suites::find()?;
    let services = Services::start()?;
    step("tests", || tests(&suites, &services, profile, &[]))?;
    step("doctests", || run(cargo(&["test", "--workspace", "--all-features", "--doc"]).envs(services.env())))?;
    step("compile-fail", || compile_fail(&suites, &[]))
}

/// Writes what the suites print now as what they are expected to print.
pub(crate) fn bless() -> Result<()> {
    let suites = Suites::find()?;
    let services = Services::start()?;
    step("bless compile-fail", || compile_fail(&suites, &[("TRYBUILD", "overwrite")]))?;
    step("bless docs/errors.md", || page_of_errors(&suites))?;
    step("bless snapshots", || {
        // to the end, so that one failing test does not leave the snapshots half written
        tests(&suites, &services, Profile::Ci, &[("INSTA_UPDATE", "always")])
    })
}

/// The bad input that others have collected, alone and with its counts; it is among the tests too.
pub(crate) fn corpora() -> Result<()> {
    step("corpora", || {
        let mut test = cargo(&["test", "--package", "etl-connectors", "--all-features", "--test", "corpora"]);
        run(test.args(["--", "--nocapture", "--test-threads=1"]))
    })
}

/// The tests named `interleavings`, with the atomics of loom in the place of the real ones. Everything is compiled once more
/// for them, into a folder of its own.
pub(crate) fn loom() -> Result<()> {
    step("loom", || {
        let mut test = cargo(&["test", "--package", "etl-core", "--lib", "interleavings"]);
        run(test.env("RUSTFLAGS", "--cfg etl_loom").env("CARGO_TARGET_DIR", root().join("target/loom")))
    })
}

/// Unit and integration tests. The compile-fail suite has its own step: it compiles more than it runs.
fn tests(suites: &Suites, services: &Services, profile: Profile, env: &[(&str, &str)]) -> Result<()> {
    let mut command = if works(&mut cargo(&["nextest", "--version"])) {
        let mut nextest = cargo(&["nextest", "run", "--workspace", "--all-features"]);
        nextest.args(["--profile", profile.name()]);
        if suites.ui {
            let (package, target) = UI;
            nextest.args(["-E", &format!("not binary_id(={package}::{target})")]);
        }
        nextest
    } else {
        println!("cargo-nextest is not installed: `cargo test` runs instead, with no time limits");
        let mut test = cargo(&["test", "--workspace", "--all-features", "--lib", "--bins"]);
        for name in &suites.others {
            test.args(["--test", name]);
        }
        if matches!(profile, Profile::Ci) {
            test.arg("--no-fail-fast");
        }
        test
    };
    run(command.envs(services.env()).envs(env.iter().copied()))
}

fn compile_fail(suites: &Suites, env: &[(&str, &str)]) -> Result<()> {
    let (package, target) = UI;
    if !suites.ui {
        println!("skipped: package {package} has no test target `{target}`");
        return Ok(());
    }
    // of the whole workspace, so that nothing is compiled again with other features
    let mut command = cargo(&["test", "--workspace", "--all-features", "--test", target]);
    run(command.envs(env.iter().copied()))
}

/// Writes the page, after what it is made of.
fn page_of_errors(suites: &Suites) -> Result<()> {
    let (target, test) = PAGE;
    if !suites.others.contains(target) {
        println!("skipped: there is no test target `{target}`");
        return Ok(());
    }
    run(cargo(&["test", "--workspace", "--all-features", "--test", target, "--", "--exact", test]).env("ETL_BLESS", "1"))
}

/// The integration tests of the workspace.
#[derive(Debug, PartialEq)]
struct Suites {
    /// Whether there is a compile-fail suite.
    ui: bool,
    /// The names of the others.
    others: BTreeSet<String>,
}

impl Suites {
    fn find() -> Result<Self> {
        Self::read(&output(&mut cargo(&["metadata", "--no-deps", "--format-version", "1"]))?)
    }

    /// Reads the answer of `cargo metadata`.
    fn read(metadata: &str) -> Result<Self> {
        let metadata: Value = serde_json::from_str(metadata)?;
        let mut suites = Self { ui: false, others: BTreeSet::new() };
        for package in items(&metadata["packages"]) {
            for target in items(&package["targets"]) {
                let is_test = items(&target["kind"]).iter().any(|kind| kind == "test");
                match (package["name"].as_str(), target["name"].as_str()) {
                    (Some(package), Some(name)) if is_test && (package, name) == UI => {
                        suites.ui = true;
                    }
                    (_, Some(name)) if is_test => {
                        suites.others.insert(name.to_owned());
                    }
                    _ => {}
                }
            }
        }
        Ok(suites)
    }
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compile_fail_suite_is_told_from_the_others() {
        let metadata = r#"{"packages": [
            {"name": "etl-tests", "targets": [
                {"name": "etl_tests", "kind": ["lib"]},
                {"name": "ui", "kind": ["test"]},
                {"name": "conservation", "kind": ["test"]}]},
            {"name": "other", "targets": [{"name": "ui", "kind": ["bin"]}]}]}"#;
        let suites = Suites::read(metadata).expect("metadata");
        let others = BTreeSet::from(["conservation".to_owned()]);
        assert_eq!(suites, Suites { ui: true, others });
    }

    #[test]
    fn a_workspace_without_the_suite_says_so() {
        let metadata = r#"{"packages": [{"name": "etl-core", "targets": []}]}"#;
        assert!(!Suites::read(metadata).expect("metadata").ui);
    }
}
