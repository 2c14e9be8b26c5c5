//! That the pipelines of two variants do the same: both are built and run, and what they count is compared.

use std::fs;
use std::path::Path;

use super::crates::Crate;
use super::measure::Target;
use crate::step::{Result, command, output, run};

/// How many orders each pipeline is given: some are rejected, skipped, filtered, and asked for again.
const ORDERS: u32 = 20_000;

/// Runs the first pipeline of both crates; an error if they do not count the same.
pub(super) fn same_counts(target: &Target, one: &Crate, other: &Crate) -> Result<()> {
    let counts = counts(target, one)?;
    let others = self::counts(target, other)?;
    if counts != others {
        return Err(format!("{} counts `{counts}`, and {} counts `{others}`", one.name, other.name).into());
    }
    println!("both say: {counts}");
    Ok(())
}

/// What the program prints, and how many dead letters it leaves.
fn counts(target: &Target, made: &Crate) -> Result<String> {
    run(target.cargo("build", made).arg("--quiet"))?;
    let rejects = made.folder.join("rejects.jsonl");
    let _there_may_be_none = fs::remove_file(&rejects);
    let settings = serde_json::json!({ "wanted": ORDERS, "least": 1_000, "percent_off": 3, "rejects": rejects });
    let printed = output(command(program(&target.0, &made.name)).args(["01", &settings.to_string()]))?;
    let letters = fs::read_to_string(&rejects).map_err(|error| format!("the dead letters of {} cannot be read: {error}", made.name))?;
    Ok(format!("{}, dead letters {}", printed.trim(), letters.lines().count()))
}

fn program(target: &Path, name: &str) -> std::path::PathBuf {
    target.join("debug").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}
