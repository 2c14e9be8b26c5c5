//! Programs that do the same work, beside one another: what `bench engine` and `bench peers` have in common.
//!
//! The contestants are programs of the workspace `bench`, which has a lock file of its own, and Python scripts. Those of one table
//! run in turn, so that whatever else the machine does falls on all of them; they must agree on what they have computed.

mod flights;
mod measure;
mod page;
mod programs;
mod python;
mod results;
mod table;

use std::fs;

pub(super) use self::flights::{Flights, Format, Load, ONE_YEAR, SIX_YEARS};
use self::measure::Measured;
pub(super) use self::page::Page;
use self::programs::Programs;
use self::results::Results;
pub(super) use self::table::{Bar, Measure, Program, Row, Table};
use crate::step::{Result, root, rustc_version, step};

/// What is measured, how often, and where it is written.
pub(super) struct Contest {
    pub(super) tables: Vec<Table>,
    pub(super) rounds: u32,
    /// The command line behind `cargo xtask`.
    pub(super) command: String,
    /// `None` where nothing is written.
    pub(super) page: Option<Page>,
    /// What tells the programs where their servers are.
    pub(super) env: Vec<(&'static str, String)>,
}

impl Contest {
    /// Makes what is missing, builds, measures and prints; an error if a bar does not hold.
    pub(super) fn hold(&self) -> Result<()> {
        let rows = || self.tables.iter().flat_map(|table| &table.rows);
        if rows().any(|row| matches!(row.program, Program::Script(_))) {
            step("Python", || python::prepare(&root(), python::PYTHON))?;
        }
        let mut programs = None;
        step("build", || {
            programs = Some(Programs::build(rows(), &self.env)?);
            Ok(())
        })?;
        let programs = programs.ok_or("nothing was built")?;
        for flights in Flights::of(rows()) {
            step(flights.file, || flights.make(&programs))?;
        }
        let mut results = Vec::new();
        for table in &self.tables {
            step(&table.title, || {
                let result = Results::of(table, &Measured::of(table, &programs, self.rounds)?)?;
                println!("\n{}", result.text());
                results.push(result);
                Ok(())
            })?;
        }
        println!("{}", results::bars(&results));
        if let Some(page) = &self.page {
            let text = page.text(&results, &self.command, &rustc_version()?, &page::Machine::this());
            fs::write(root().join(page.path), text).map_err(|error| format!("{} cannot be written: {error}", page.path))?;
            println!("{} is written", page.path);
        }
        results::judge(&results)
    }
}
