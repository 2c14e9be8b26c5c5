//! `cargo xtask bench compile`: what the macros cost while compiling.
//!
//! Three variants of the same pipelines are generated into the target directory and checked in turn, so that whatever else the
//! machine does falls on all of them. Nothing of the repository is touched but the page that `--write` asks for.

mod crates;
mod measure;
mod page;
mod verify;

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use self::crates::{Crate, Variant};
use self::measure::{Target, Took};
use self::page::Results;
use crate::step::{Result, cargo, output, root, rustc_version, step};

/// Pipelines in one crate: none is what is measured without any.
const SIZES: [u32; 4] = [0, 1, 10, 50];
/// Where the page is.
const PAGE: &str = "docs/compile-time.md";

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// How often everything is measured.
    pub(crate) rounds: u32,
    /// Whether the page is written.
    pub(crate) write: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { rounds: 5, write: false }
    }
}

/// What was measured of one crate, one entry a round.
struct Measured {
    variant: Variant,
    pipelines: u32,
    /// The crate anew, with nothing known of it.
    cold: Vec<Took>,
    /// After an edit of one function.
    edit: Vec<Took>,
}

/// Generates, verifies, measures and prints; an error if a bar does not hold.
pub(crate) fn compile(options: Options) -> Result<()> {
    let folder = target_directory()?.join("bench-compile");
    let target = Target(folder.join("target"));
    let mut crates = Vec::new();
    step("generate", || {
        for pipelines in SIZES {
            for variant in Variant::ALL {
                crates.push(Crate::generate(variant, pipelines, &folder, &root())?);
            }
        }
        Ok(())
    })?;
    step("compile once what all depend on", || crates.iter().try_for_each(|made| target.warm(made)))?;
    step("run both", || {
        let one = |variant| crates.iter().find(|made| made.variant == variant && made.pipelines == 1);
        let both = one(Variant::Macros).zip(one(Variant::ByHand)).ok_or("no crate with one pipeline was generated")?;
        verify::same_counts(&target, both.0, both.1)
    })?;
    let mut measured: Vec<_> = crates
        .iter()
        .map(|made| Measured { variant: made.variant, pipelines: made.pipelines, cold: Vec::new(), edit: Vec::new() })
        .collect();
    for round in 1..=options.rounds {
        step(&format!("round {round} of {}", options.rounds), || {
            for (made, measured) in crates.iter().zip(&mut measured) {
                made.edit(false)?;
                target.forget(made)?;
                measured.cold.push(target.check(made)?);
                made.edit(true)?;
                measured.edit.push(target.check(made)?);
            }
            Ok(())
        })?;
    }
    let results = Results::of(&measured)?;
    println!("\n{}", results.tables());
    if options.write {
        let page = results.page(options.rounds, &rustc_version()?);
        fs::write(root().join(PAGE), page).map_err(|error| format!("{PAGE} cannot be written: {error}"))?;
        println!("{PAGE} is written");
    }
    results.judge()
}

/// Where cargo compiles to, whatever the environment says of it.
fn target_directory() -> Result<PathBuf> {
    let metadata: Value = serde_json::from_str(&output(&mut cargo(&["metadata", "--no-deps", "--format-version", "1"]))?)?;
    let folder = metadata["target_directory"].as_str().ok_or("cargo does not say where it compiles to")?;
    Ok(folder.into())
}
