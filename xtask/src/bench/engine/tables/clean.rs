//! Clean and load: the flights job beside an expert's program, what one writes first, and Polars.

use crate::bench::contest::{Bar, Format, Load, Measure, Program, Row, SIX_YEARS, Table};

const OURS: &str = "**ours**";
const EXPERT_TWO: &str = "expert, two threads";
const EXPERT_ONE: &str = "expert, one thread";
const QUOTE_FREE_TWO: &str = "expert, two threads, input without quotes";
const QUOTE_FREE_ONE: &str = "expert, one thread, input without quotes";
const SERDE: &str = "csv and serde, one thread";
const POLARS: &str = "Polars, streaming";
const STATEMENT: &str = "prepared statement, a transaction a batch";

pub(super) fn tables() -> Vec<Table> {
    vec![parquet(), jsonl(), sqlite()]
}

/// The job into one format.
fn about(format: &str) -> String {
    format!(
        "A CSV of 2,020,656 flights, one in two hundred of them damaged: four rules are checked, three fields derived, what is good \
         goes to {format}, and what is not to a file of dead letters with the reason. What each program says of how many it has \
         loaded, and rejected for which reason, is compared with what the generator of the data has written down."
    )
}

fn row(name: &'static str, program: Program, format: Format) -> Row {
    let output = match format {
        Format::Parquet => "bench/data/out.parquet",
        Format::Jsonl => "bench/data/out.jsonl",
        Format::Sqlite => "bench/data/out.sqlite",
        Format::Postgres => "bench/data/out.postgres",
    };
    Row::load(name, program, Load { input: SIX_YEARS, output, format })
}

/// Ours, the expert, and what one writes first.
fn by_hand(format: Format) -> Vec<Row> {
    let expert = |name, grammar, threads| row(name, Program::Built("expert"), format).with("threads", threads).with("grammar", grammar);
    vec![
        expert(EXPERT_TWO, "full", 2),
        row(OURS, Program::Built("ours"), format),
        expert(QUOTE_FREE_TWO, "quote-free", 2),
        expert(EXPERT_ONE, "full", 1),
        expert(QUOTE_FREE_ONE, "quote-free", 1),
        row(SERDE, Program::Built("serde_loop"), format),
    ]
}

fn time(format: &str, what: &str, of: &'static str, to: &'static str, limit: f64) -> Bar {
    Bar { what: format!("clean & load to {format}: {what}"), measure: Measure::Time { of, to, limit } }
}

/// Ours beside the expert.
fn beside_expert(format: &str) -> Vec<Bar> {
    vec![
        time(format, "ours / expert, two threads", OURS, EXPERT_TWO, 1.05),
        time(format, "ours / expert, two threads, input without quotes", OURS, QUOTE_FREE_TWO, 1.2),
    ]
}

fn parquet() -> Table {
    let mut bars = beside_expert("Parquet");
    bars.push(Bar {
        what: "clean & load to Parquet: ours before Polars".to_owned(),
        measure: Measure::Ahead { of: OURS, rows: vec![POLARS] },
    });
    bars.extend([
        time("Parquet", "the expert is credible: two threads, input without quotes / Polars", QUOTE_FREE_TWO, POLARS, 0.62),
        time("Parquet", "the expert is credible: two threads, input without quotes / csv and serde", QUOTE_FREE_TWO, SERDE, 0.33),
    ]);
    Table {
        title: "Clean & load to Parquet".to_owned(),
        about: about("Parquet (snappy)"),
        rows: [by_hand(Format::Parquet), vec![row(POLARS, Program::Script("clean_polars.py"), Format::Parquet)]].concat(),
        baseline: Some(EXPERT_TWO),
        ours: Some(OURS),
        bars,
        runs_per_round: 1,
    }
}

fn jsonl() -> Table {
    Table {
        title: "Clean & load to JSON lines".to_owned(),
        about: about("JSON lines"),
        rows: by_hand(Format::Jsonl),
        baseline: Some(EXPERT_TWO),
        ours: Some(OURS),
        bars: beside_expert("JSON lines"),
        runs_per_round: 1,
    }
}

fn sqlite() -> Table {
    Table {
        title: "Clean & load to SQLite".to_owned(),
        about: about("a table of a new SQLite database, 5,000 rows a transaction"),
        rows: vec![row(STATEMENT, Program::Built("sqlite_loop"), Format::Sqlite), row(OURS, Program::Built("ours"), Format::Sqlite)],
        baseline: Some(STATEMENT),
        ours: Some(OURS),
        bars: vec![time("SQLite", "ours / prepared statement", OURS, STATEMENT, 1.1)],
        runs_per_round: 1,
    }
}
