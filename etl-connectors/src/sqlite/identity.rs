//! What tells one content of a table or a query from another, at the cost of a look.

use std::path::Path;

use etl_core::record::Column;
use etl_core::source::Identity;
use etl_core::{Error, ErrorKind, Result};

use super::errors::explain;
use super::names;
use super::query::{Query, Statement};

/// How many rows from the beginning tell a table from another.
const HEAD: u64 = 64;

/// Of a table that has rows of its own, its name and the numbers of its first rows; the number of the
/// last one is its length, because that is known without counting. Rows that are deleted, or added in
/// between, show when reading comes to the place where it stopped. Of anything else, the statement and
/// the names of its columns. Nothing is made of what the rows hold, which has no business in a checkpoint.
pub(super) fn identity(
    sqlite: &rusqlite::Connection,
    path: &Path,
    query: &Query,
    schema: Option<&[Column]>,
    head: Option<u64>,
) -> Result<Identity> {
    let Statement { sql, columns, row_id } = query.statement(sqlite, path, schema)?;
    let (Query::Table(table), Some(row_id)) = (query, row_id) else {
        let text = format!("{sql}\0{}", columns.names.join("\0"));
        return Ok(Identity { length: 0, head: 0, ..Identity::of_bytes(text.as_bytes()) });
    };
    let failed =
        |error: rusqlite::Error| -> Error { explain(ErrorKind::Extraction, format!("cannot read {}#{table}", path.display()), &error) };
    let from = names::quoted(table);
    let last: Option<i64> = sqlite.query_row(&format!("SELECT max({row_id}) FROM {from}"), [], |row| row.get(0)).map_err(failed)?;
    let head = head.unwrap_or(HEAD).min(HEAD);
    let mut statement = sqlite.prepare(&format!("SELECT {row_id} FROM {from} ORDER BY {row_id} LIMIT {head}")).map_err(failed)?;
    let first =
        statement.query_map([], |row| row.get::<_, i64>(0)).and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>).map_err(failed)?;
    let mut bytes = table.to_ascii_lowercase().into_bytes();
    first.iter().for_each(|id| bytes.extend(id.to_le_bytes()));
    let length = last.map_or(0, |last| u64::try_from(last).unwrap_or(0));
    Ok(Identity { length, head: first.len() as u64, ..Identity::of_bytes(&bytes) })
}
