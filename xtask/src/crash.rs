//! `cargo xtask crash`: builds the harness and the pipelines that it kills, and runs it.

use std::ffi::OsString;

use crate::step::{Result, cargo, command, output, root, run};

/// The package of the harness; its programs are `crash` and `ferry`.
const PACKAGE: &str = "etl-crash";

/// Builds with the features of the tests, so that nothing is compiled a second time, and hands the options on.
pub(crate) fn crash(args: &[OsString]) -> Result<()> {
    run(&mut cargo(&["build", "--quiet", "--workspace", "--all-features", "--bin", "crash", "--bin", "ferry"]))?;
    let harness = programs()?;
    let name = format!("crash{}", std::env::consts::EXE_SUFFIX);
    run(command(harness.join(name)).args(args).env("CARGO_MANIFEST_DIR", root().join("tests/crash")))
}

/// Where cargo puts programs that are built for development.
fn programs() -> Result<std::path::PathBuf> {
    let metadata: serde_json::Value = serde_json::from_str(&output(&mut cargo(&["metadata", "--no-deps", "--format-version", "1"]))?)?;
    let target = metadata["target_directory"].as_str().ok_or_else(|| format!("cargo does not say where it built {PACKAGE}"))?;
    Ok(std::path::Path::new(target).join("debug"))
}
