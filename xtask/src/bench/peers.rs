//! `cargo xtask bench peers`: the job *clean & load* beside what others would do it with.

mod table;

use super::contest::{Contest, Page};
use crate::step::Result;

/// Where the page is, and what is on it.
pub(super) const PAGE: Page = Page { path: "docs/peers.md", template: include_str!("peers/templates/page.md.txt") };

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

/// Measures and prints; an error if a peer is ahead.
pub(crate) fn peers(options: Options) -> Result<()> {
    let write = if options.write { " --write" } else { "" };
    let command = format!("bench peers --rounds {}{write}", options.rounds);
    Contest { tables: vec![table::table()], rounds: options.rounds, command, page: options.write.then_some(PAGE), env: Vec::new() }.hold()
}
