//! Building the programs, and running one.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;

use super::flights::Load;
use super::measure::{Digest, Run};
use super::python;
use super::table::{Program, Row};
use crate::step::{Result, cargo, command, output, root, run};

/// The folder of the workspace of the contestants.
const WORKSPACE: &str = "bench";
/// What the input is made by, and the outputs are compared by.
const LOADING: [&str; 2] = [GENERATE, DIGEST];
const GENERATE: &str = "generate";
const DIGEST: &str = "digest";

/// Where the contestants are.
pub(super) struct Programs {
    release: PathBuf,
    env: Vec<(&'static str, String)>,
}

impl Programs {
    /// Builds those of these rows for release, and what goes with them. They run with this environment.
    pub(super) fn build<'r>(rows: impl Iterator<Item = &'r Row> + Clone, env: &[(&'static str, String)]) -> Result<Self> {
        // In the folder, where cargo finds what is configured for this workspace.
        let cargo = |arguments: &[&str]| {
            let mut cargo = cargo(arguments);
            cargo.current_dir(root().join(WORKSPACE));
            cargo
        };
        let names = names(rows);
        let mut build = cargo(&["build", "--release", "--locked"]);
        run(build.args(names.iter().flat_map(|name| ["--bin", name])))?;
        let metadata: Value = serde_json::from_str(&output(&mut cargo(&["metadata", "--no-deps", "--format-version", "1"]))?)?;
        let folder = metadata["target_directory"].as_str().ok_or("cargo does not say where it compiles to")?;
        Ok(Self { release: PathBuf::from(folder).join("release"), env: env.to_vec() })
    }

    /// Runs a contestant to its end.
    pub(super) fn run(&self, row: &Row) -> Result<Run> {
        let mut command = match row.program {
            Program::Built(name) => command(self.release.join(name)),
            Program::Script(name) => {
                let mut python = command(root().join(python::INTERPRETER));
                python.arg(script(name));
                python
            }
        };
        command.args(row.command_line()).envs(self.env.iter().cloned());
        let printed = output(command.stderr(Stdio::inherit()))?;
        Run::parse(&printed).ok_or_else(|| format!("`{}` printed no line of JSON at its end: {printed:?}", row.name).into())
    }

    /// Makes `file` out of so many copies of `year`.
    pub(super) fn generate(&self, year: &str, copies: u32, file: &str) -> Result<()> {
        run(command(self.release.join(GENERATE)).args([year, &copies.to_string(), file]))
    }

    /// What is in an output.
    pub(super) fn digest(&self, load: &Load) -> Result<Digest> {
        let printed = output(command(self.release.join(DIGEST)).args([load.output, load.format.name()]).envs(self.env.iter().cloned()))?;
        Digest::parse(&printed).ok_or_else(|| format!("`{DIGEST}` printed no line of JSON: {printed:?}").into())
    }
}

/// The names of all programs that are built.
fn names<'r>(rows: impl Iterator<Item = &'r Row> + Clone) -> BTreeSet<&'static str> {
    let loading = rows.clone().any(|row| row.load.is_some());
    let built = rows.filter_map(|row| match row.program {
        Program::Built(name) => Some(name),
        Program::Script(_) => None,
    });
    built.chain(LOADING.into_iter().filter(|_name| loading)).collect()
}

fn script(name: &str) -> String {
    format!("{WORKSPACE}/python/{name}")
}

/// What a contributor would type, in the root.
pub(super) fn typed(row: &Row) -> String {
    let program = match row.program {
        Program::Built(name) => name.to_owned(),
        Program::Script(name) => format!("{} {}", python::INTERPRETER, script(name)),
    };
    format!("{program} {}", row.command_line().join(" "))
}

#[cfg(test)]
mod tests {
    use super::super::flights::{Format, ONE_YEAR};
    use super::*;

    #[test]
    fn a_command_line_can_be_typed() {
        let row = Row::new("a", Program::Built("micro"), ["io", "ours"]).with("concurrency", 64).asked_for(7);
        assert_eq!(typed(&row), "micro io ours --concurrency 64 --records 7");
        let row = Row::load("b", Program::Script("clean.py"), Load { input: ONE_YEAR, output: "o.jsonl", format: Format::Jsonl });
        let typed = typed(&row);
        assert_eq!(typed, "bench/data/venv/bin/python bench/python/clean.py bench/data/year.csv o.jsonl bench/data/rejects.jsonl jsonl");
        assert!(root().join(WORKSPACE).join("Cargo.toml").is_file());
    }

    #[test]
    fn only_what_is_needed_is_built() {
        let micro = Row::new("a", Program::Built("micro"), []);
        assert_eq!(names([&micro].into_iter()), BTreeSet::from(["micro"]));
        let load = || Load { input: ONE_YEAR, output: "o.parquet", format: Format::Parquet };
        let rows = [Row::load("b", Program::Built("ours"), load()), Row::load("c", Program::Script("clean.py"), load())];
        assert_eq!(names(rows.iter()), BTreeSet::from(["digest", "generate", "ours"]));
    }
}
