//! `cargo xtask bench postgres`: the job *clean & load* into PostgreSQL, beside `psql` that copies a file which is clean already.

use etl_postgres_server::{ENV, Server, install_if_missing};

use super::contest::{Bar, Contest, Format, Load, Measure, Page, Program, Row, SIX_YEARS, Table};
use crate::step::Result;

/// Where the page is, and what is on it.
pub(super) const PAGE: Page = Page { path: "docs/postgres.md", template: include_str!("postgres/templates/page.md.txt") };

/// What a server is given that loads much: the defaults are those of a machine of twenty years ago.
const SETTINGS: [(&str, &str); 3] = [("shared_buffers", "1GB"), ("max_wal_size", "8GB"), ("checkpoint_timeout", "1h")];

const OURS: &str = "**ours**";
const PSQL: &str = "`psql \\copy` of the clean CSV";
const EXPERT_ONE: &str = "expert, one connection";
const EXPERT_TWO: &str = "expert, two connections";

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

/// Measures and prints; an error if the bar does not hold.
pub(crate) fn postgres(options: Options) -> Result<()> {
    install_if_missing()?;
    let server = Server::start_with(&SETTINGS)?;
    let write = if options.write { " --write" } else { "" };
    let command = format!("bench postgres --rounds {}{write}", options.rounds);
    let env = vec![(ENV, server.url())];
    Contest { tables: vec![table()], rounds: options.rounds, command, page: options.write.then_some(PAGE), env }.hold()
}

fn table() -> Table {
    let load = || Load { input: SIX_YEARS, output: "bench/data/out.postgres", format: Format::Postgres };
    let expert = |name, connections| Row::load(name, Program::Built("expert_postgres"), load()).with("connections", connections);
    Table {
        title: "Clean & load into PostgreSQL".to_owned(),
        about: "A CSV of 2,020,656 flights, one in two hundred of them damaged: four rules are checked, three fields derived, what is \
                good goes into a table without indexes, and what is not to a file of dead letters with the reason. *Ours* writes its \
                ledger in every transaction and can be killed at any time; the experts copy everything in one transaction a \
                connection. `psql` is given what is left when all that is done: a clean CSV of the rows of the table."
            .to_owned(),
        rows: vec![
            Row::load(PSQL, Program::Built("psql_copy"), load()),
            Row::load(OURS, Program::Built("ours"), load()),
            expert(EXPERT_ONE, 1),
            expert(EXPERT_TWO, 2),
        ],
        baseline: Some(PSQL),
        ours: Some(OURS),
        bars: vec![Bar {
            what: "clean & load into PostgreSQL: ours / `psql \\copy` of the clean CSV".to_owned(),
            measure: Measure::Time { of: OURS, to: PSQL, limit: 0.75 },
        }],
        runs_per_round: 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_between_two_rows() {
        table().names_are_rows().unwrap();
    }
}
