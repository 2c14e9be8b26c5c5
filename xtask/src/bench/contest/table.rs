//! What a table is: contestants, a baseline, and bars. A table is data; what runs it and prints it knows none of them by name.

#[cfg(test)]
use std::collections::BTreeSet;
use std::fmt::Display;

use super::flights::Load;

/// Contestants that do the same work, or the same work on more and more records.
pub(crate) struct Table {
    pub(crate) title: String,
    /// What is done, in a paragraph.
    pub(crate) about: String,
    pub(crate) rows: Vec<Row>,
    /// The row that all times are divided by, where they are compared at all.
    pub(crate) baseline: Option<&'static str>,
    /// The row that is ours, where it has won or lost against others.
    pub(crate) ours: Option<&'static str>,
    pub(crate) bars: Vec<Bar>,
    /// How often this table is measured for each round that is asked for: more where a run takes next to no time.
    pub(crate) runs_per_round: u32,
}

/// A contestant.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) program: Program,
    pub(crate) arguments: Vec<String>,
    /// How many records it is asked for by `--records`; `None` where its arguments say it all.
    pub(crate) records: Option<u64>,
    /// What it makes of which flights, where that is the job: its output can be compared.
    pub(crate) load: Option<Load>,
}

/// What is started for a contestant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// A binary of the workspace `bench`, built for release.
    Built(&'static str),
    /// A Python script in `bench/python`, run in the virtual environment.
    Script(&'static str),
}

/// Something that must hold.
pub(crate) struct Bar {
    pub(crate) what: String,
    pub(crate) measure: Measure,
}

/// What a bar is about. Rows go by name; times are those per record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Measure {
    /// The time of one by that of another is at most `limit`.
    Time { of: &'static str, to: &'static str, limit: f64 },
    /// The time of another by that of this one is at least `limit`.
    Efficiency { of: &'static str, to: &'static str, limit: f64 },
    /// One takes less time than each of these.
    Ahead { of: &'static str, rows: Vec<&'static str> },
    /// The memory of one is that of another, but for a tenth or for [`SLACK_MIB`], whichever is more.
    Flat { of: &'static str, to: &'static str },
    /// The memory of one is at most that of another and `mib` more, but for [`SLACK_MIB`].
    Budget { of: &'static str, to: &'static str, mib: f64 },
}

/// Memory that nobody counts: what the allocator keeps, stacks, queues.
pub(crate) const SLACK_MIB: f64 = 16.0;
/// What [`Measure::Flat`] allows.
pub(crate) const FLAT: f64 = 1.1;

#[cfg(test)]
impl Table {
    /// That each name in it is that of one row.
    pub(crate) fn names_are_rows(&self) -> Result<(), String> {
        let names: BTreeSet<_> = self.rows.iter().map(|row| row.name).collect();
        if names.len() < self.rows.len() {
            return Err(format!("{}: two rows of one name", self.title));
        }
        let mut used: Vec<_> = self.baseline.into_iter().chain(self.ours).collect();
        for bar in &self.bars {
            match &bar.measure {
                Measure::Time { of, to, .. } | Measure::Efficiency { of, to, .. } => used.extend([*of, *to]),
                Measure::Flat { of, to } | Measure::Budget { of, to, .. } => used.extend([*of, *to]),
                Measure::Ahead { of, rows } => used.extend(rows.iter().chain([of])),
            }
        }
        let unknown = used.into_iter().find(|name| !names.contains(name));
        unknown.map_or(Ok(()), |name| Err(format!("{}: no row named `{name}`", self.title)))
    }
}

impl Row {
    /// A contestant that is called like this.
    pub(crate) fn new<const N: usize>(name: &'static str, program: Program, arguments: [&str; N]) -> Self {
        Self { name, program, arguments: arguments.map(str::to_owned).to_vec(), records: None, load: None }
    }

    /// A contestant that loads flights.
    pub(crate) fn load(name: &'static str, program: Program, load: Load) -> Self {
        Self { load: Some(load), ..Self::new(name, program, load.arguments()) }
    }

    /// With one option more.
    pub(crate) fn with(mut self, flag: &str, value: impl Display) -> Self {
        self.arguments.extend([format!("--{flag}"), value.to_string()]);
        self
    }

    /// For so many records.
    pub(crate) fn asked_for(self, records: u64) -> Self {
        Self { records: Some(records), ..self }
    }

    /// All that stands behind the program's name.
    pub(crate) fn command_line(&self) -> Vec<String> {
        let records = self.records.map(|records| ["--records".to_owned(), records.to_string()]);
        self.arguments.iter().cloned().chain(records.into_iter().flatten()).collect()
    }
}
