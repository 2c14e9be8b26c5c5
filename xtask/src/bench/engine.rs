//! `cargo xtask bench engine`: what the engine costs, beside the same work by hand and in other libraries.

mod tables;

use super::contest::{Contest, Page};
use crate::step::Result;

/// Where the page is, and what is on it.
pub(super) const PAGE: Page = Page { path: "docs/performance.md", template: include_str!("engine/templates/page.md.txt") };

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

/// Measures and prints; an error if a bar does not hold.
pub(crate) fn engine(options: Options) -> Result<()> {
    let parts: Vec<_> = options.only.map_or_else(|| Part::ALL.to_vec(), |part| vec![part]);
    let tables = parts.into_iter().flat_map(tables::of).collect();
    let only = options.only.map_or_else(String::new, |part| format!(" --only {}", part.name()));
    let write = if options.write { " --write" } else { "" };
    let command = format!("bench engine --rounds {}{only}{write}", options.rounds);
    Contest { tables, rounds: options.rounds, command, page: options.write.then_some(PAGE), env: Vec::new() }.hold()
}
