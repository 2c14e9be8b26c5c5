//! The table of the peers.

use crate::bench::contest::{Bar, Flights, Format, Load, Measure, ONE_YEAR, Program, Row, SIX_YEARS, Table};

const OURS: &str = "**ours**";
const POLARS: &str = "Polars, streaming";
const DUCKDB: &str = "DuckDB";
const DATAFUSION: &str = "DataFusion";
const ASYNCIO: &str = "Python, asyncio, batches of 500 (one year)";
const DLT: &str = "Python, dlt (one year)";

pub(super) fn table() -> Table {
    let load = |input: Flights, output| Load { input, output, format: Format::Parquet };
    let all = || load(SIX_YEARS, "bench/data/out.parquet");
    Table {
        title: "Clean & load to Parquet".to_owned(),
        about: "A CSV of 2,020,656 flights, one in two hundred of them damaged: four rules are checked, three fields derived, what \
                is good goes to Parquet (snappy), and what is not to a file of dead letters with the reason. The slow ones read one \
                year of the six; times are per record. What each says of how many it has loaded, and rejected for which reason, is \
                compared with what the generator of the data has written down."
            .to_owned(),
        rows: vec![
            Row::load(OURS, Program::Built("ours"), all()),
            Row::load(POLARS, Program::Script("clean_polars.py"), all()),
            Row::load(DUCKDB, Program::Script("clean_duckdb.py"), all()),
            Row::load(DATAFUSION, Program::Script("clean_datafusion.py"), all()),
            Row::load(ASYNCIO, Program::Script("clean_asyncio.py"), load(ONE_YEAR, "bench/data/out.parquet")),
            // It makes a folder.
            Row::load(DLT, Program::Script("clean_dlt.py"), load(ONE_YEAR, "bench/data/out.dlt")),
        ],
        baseline: Some(OURS),
        ours: Some(OURS),
        bars: vec![Bar {
            what: "clean & load to Parquet: ours before all peers".to_owned(),
            measure: Measure::Ahead { of: OURS, rows: vec![POLARS, DUCKDB, DATAFUSION, ASYNCIO, DLT] },
        }],
        runs_per_round: 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_is_compared_with_every_other_row() {
        let table = table();
        table.names_are_rows().unwrap();
        let Measure::Ahead { of, rows } = &table.bars[0].measure else { panic!("the bar is that ours is ahead") };
        assert_eq!((*of, rows.len()), (OURS, table.rows.len() - 1));
    }
}
