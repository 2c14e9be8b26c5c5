//! A database on the private PostgreSQL server, looked at by `psql`.

use std::ops::Range;
use std::sync::Arc;

use etl_postgres_server::Server;

use crate::Result;
use crate::freight::Row;

/// A database, and how a run reaches it.
#[derive(Clone, Debug)]
pub struct Database {
    /// The server.
    pub server: Arc<Server>,
    /// Where the harness finds it.
    pub url: String,
    /// Where the run finds it: there may be a proxy between.
    pub address: String,
}

impl Database {
    /// An empty table, and nothing of earlier rounds.
    ///
    /// # Errors
    /// The server is away.
    pub fn clear(&self) -> Result<()> {
        self.ask(
            "SET client_min_messages = error; DROP SCHEMA public CASCADE; CREATE SCHEMA public;\n\
             CREATE TABLE items (id bigint, amount bigint, note text, stamp bigint)",
        )
        .map(drop)
    }

    /// From now on a record that is there twice is refused.
    ///
    /// # Errors
    /// The server is away.
    pub fn refuse_doubles(&self) -> Result<()> {
        self.ask("ALTER TABLE items ADD UNIQUE (id)").map(drop)
    }

    /// The rows.
    ///
    /// # Errors
    /// The server is away.
    pub fn rows(&self) -> Result<Vec<Row>> {
        Ok(split(&self.ask("COPY items TO STDOUT (FORMAT csv)")?)?.0)
    }

    /// How many rows there are.
    ///
    /// # Errors
    /// The server is away.
    pub fn count(&self) -> Result<u64> {
        Ok(self.ask("COPY (SELECT count(*) FROM items) TO STDOUT")?.trim().parse()?)
    }

    /// What one reader sees at one moment: the rows, and the parts of the source that the ledger says
    /// are there. `None` while there is no ledger.
    #[must_use]
    pub fn snapshot(&self) -> Option<(Vec<Row>, Vec<Range<u64>>)> {
        let moment = self.ask(
            "BEGIN ISOLATION LEVEL REPEATABLE READ;\n\
             COPY (SELECT start_record, end_record FROM _etl_ledger) TO STDOUT (FORMAT csv);\n\
             COPY items TO STDOUT (FORMAT csv);\n\
             COMMIT",
        );
        split(&moment.ok()?).ok()
    }

    fn ask(&self, statements: &str) -> Result<String> {
        let output = self.server.psql(&self.url).args(statements.split('\n').flat_map(|statement| ["--command", statement])).output()?;
        if output.status.success() {
            return Ok(String::from_utf8(output.stdout)?);
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned().into())
    }
}

/// Lines with two fields are parts of the source, lines with four are rows.
fn split(answer: &str) -> Result<(Vec<Row>, Vec<Range<u64>>)> {
    let (mut rows, mut ranges) = (Vec::new(), Vec::new());
    let reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(answer.as_bytes());
    for line in reader.into_records() {
        let line = line?;
        match line.len() {
            2 => ranges.push(line[0].parse()?..line[1].parse()?),
            4 => rows.push(Row { id: line[0].parse()?, amount: line[1].parse()?, note: line[2].to_owned(), stamp: line[3].parse()? }),
            _ => return Err("a line is neither a part of the source nor a row".into()),
        }
    }
    Ok((rows, ranges))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_split_into_parts_of_the_source_and_rows() {
        let (rows, ranges) = split("0,20\n20,40\n3,4,\"a, \"\"b\"\"\",5\n").unwrap();
        assert_eq!(ranges, [0..20, 20..40]);
        assert_eq!(rows, [Row { id: 3, amount: 4, note: "a, \"b\"".to_owned(), stamp: 5 }]);
        assert!(split("1,2,3\n").is_err());
        assert!(split("x,2\n").is_err());
    }
}
