//! `cargo xtask bench engine`: what the engine costs, beside the same work by hand and in other libraries.
//!
//! The contestants are programs of the workspace `bench`, which has a lock file of its own. Those of one table run in turn, so
//! that whatever else the machine does falls on all of them; they must agree on what they have computed.

mod measure;
mod page;
mod results;
mod table;
mod tables;

use std::fs;

use self::measure::Measured;
use self::results::Results;
pub(crate) use self::table::Part;
use crate::step::{Result, root, rustc_version, step};

/// Where the page is.
const PAGE: &str = "docs/performance.md";

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// How often everything is measured.
    pub(crate) rounds: u32,
    /// Whether the page is written.
    pub(crate) write: bool,
    /// The one part that is measured.
    pub(crate) only: Option<Part>,
}

impl Default for Options {
    fn default() -> Self {
        Self { rounds: 5, write: false, only: None }
    }
}

/// Builds, measures and prints; an error if a bar does not hold.
pub(crate) fn engine(options: Options) -> Result<()> {
    let parts: Vec<_> = options.only.map_or_else(|| Part::ALL.to_vec(), |part| vec![part]);
    let tables: Vec<_> = parts.into_iter().flat_map(tables::of).collect();
    if tables.is_empty() {
        return Err("nothing is measured by this name yet".into());
    }
    let mut programs = None;
    step("build", || {
        programs = Some(measure::Programs::build()?);
        Ok(())
    })?;
    let programs = programs.ok_or("nothing was built")?;
    let mut results = Vec::new();
    for table in &tables {
        step(&table.title, || {
            let measured = Measured::of(table, &programs, options.rounds)?;
            let result = Results::of(table, &measured)?;
            println!("\n{}", result.text());
            results.push(result);
            Ok(())
        })?;
    }
    println!("{}", results::bars(&results));
    if options.write {
        let page = page::page(&results, options, &rustc_version()?, &page::Machine::this());
        fs::write(root().join(PAGE), page).map_err(|error| format!("{PAGE} cannot be written: {error}"))?;
        println!("{PAGE} is written");
    }
    results::judge(&results)
}
