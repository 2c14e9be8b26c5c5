//! What a table is: contestants, a baseline, and bars. A table is data; what runs it and prints it knows none of them by name.

/// One part of what is measured, as `--only` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Overhead,
    Clean,
    Cpu,
    Io,
    Memory,
}

impl Part {
    pub(crate) const ALL: [Self; 5] = [Self::Overhead, Self::Clean, Self::Cpu, Self::Io, Self::Memory];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Overhead => "overhead",
            Self::Clean => "clean",
            Self::Cpu => "cpu",
            Self::Io => "io",
            Self::Memory => "memory",
        }
    }
}

/// Contestants that do the same work, or the same work on more and more records.
pub(super) struct Table {
    pub(super) title: String,
    /// What is done, in a paragraph.
    pub(super) about: String,
    pub(super) rows: Vec<Row>,
    /// The row that all times are divided by, where they are compared at all.
    pub(super) baseline: Option<&'static str>,
    /// The row that is ours, where it has won or lost against others.
    pub(super) ours: Option<&'static str>,
    pub(super) bars: Vec<Bar>,
    /// How often this table is measured for each round that is asked for: more where a run takes next to no time.
    pub(super) runs_per_round: u32,
}

/// A contestant.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) program: Program,
    pub(super) arguments: Vec<String>,
    /// How many records it is asked for by `--records`; `None` where its arguments say it all.
    pub(super) records: Option<u64>,
}

/// What is started for a contestant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// A binary of the workspace `bench`, built for release.
    Built(&'static str),
}

/// Something that must hold.
pub(super) struct Bar {
    pub(super) what: String,
    pub(super) measure: Measure,
}

/// What a bar is about. Rows go by name; times are those per record.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Measure {
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
pub(super) const SLACK_MIB: f64 = 16.0;
/// What [`Measure::Flat`] allows.
pub(super) const FLAT: f64 = 1.1;

impl Row {
    /// A contestant in the program `micro`.
    pub(super) fn micro(name: &'static str, part: Part, contestant: &str, records: u64) -> Self {
        let arguments = vec![part.name().to_owned(), contestant.to_owned()];
        Self { name, program: Program::Built("micro"), arguments, records: Some(records) }
    }

    /// With one number more.
    pub(super) fn with(mut self, flag: &str, number: u64) -> Self {
        self.arguments.extend([format!("--{flag}"), number.to_string()]);
        self
    }

    /// All that stands behind the program's name.
    pub(super) fn command_line(&self) -> Vec<String> {
        let records = self.records.map(|records| ["--records".to_owned(), records.to_string()]);
        self.arguments.iter().cloned().chain(records.into_iter().flatten()).collect()
    }
}
