//! What is read: a table or a query, and which of its columns is which.

use std::path::Path;

use etl_core::record::Column;
use etl_core::{Error, ErrorKind, Result};

use super::errors::{about_statement, explain};
use super::names;

/// A table or a query.
#[derive(Clone, Debug)]
pub(super) enum Query {
    Table(String),
    Select(String),
}

/// The columns of the result, and where those of the schema are among them.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) names: Vec<Box<str>>,
    pub(super) of_schema: Vec<Option<usize>>,
}

/// What to run for a [`Query`].
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) columns: Columns,
    /// What the table calls the number that orders its rows, which is then selected behind the columns.
    pub(super) row_id: Option<&'static str>,
}

/// Names for the number of a row; a column of the same name hides one.
const ROW_ID: [&str; 3] = ["rowid", "_rowid_", "oid"];

impl Query {
    /// What holds white space is a query: a table's name seldom does.
    pub(super) fn new(text: &str) -> Self {
        let text = text.trim();
        if text.contains(char::is_whitespace) { Self::Select(text.to_owned()) } else { Self::Table(text.to_owned()) }
    }

    /// Its name in positions.
    pub(super) fn label(&self) -> &str {
        match self {
            Self::Table(table) => table,
            Self::Select(_) => "query",
        }
    }

    /// Whether its rows come in the same order each time, as far as can be seen.
    pub(super) fn ordered(&self) -> bool {
        match self {
            Self::Table(_) => true,
            Self::Select(sql) => {
                let words: Vec<_> = sql.split_whitespace().collect();
                words.windows(2).any(|pair| pair[0].eq_ignore_ascii_case("order") && pair[1].eq_ignore_ascii_case("by"))
            }
        }
    }

    /// The statement to run. Of a table only the columns of the schema are read.
    pub(super) fn statement(&self, sqlite: &rusqlite::Connection, path: &Path, schema: Option<&[Column]>) -> Result<Statement> {
        match self {
            Self::Select(sql) => {
                Ok(Statement { sql: sql.clone(), columns: self.bound(self.names(sqlite, path, sql)?, path, schema)?, row_id: None })
            }
            Self::Table(table) => {
                let all = self.names(sqlite, path, &format!("SELECT * FROM {}", names::quoted(table)))?;
                // A view has no rows of its own, and a table `WITHOUT ROWID` is in the order of its key.
                let row_id = ROW_ID
                    .into_iter()
                    .find(|name| !all.iter().any(|column| column.eq_ignore_ascii_case(name)))
                    .filter(|name| sqlite.prepare(&format!("SELECT {name} FROM {}", names::quoted(table))).is_ok());
                let bound = self.bound(all, path, schema)?;
                let columns = match schema {
                    None => bound,
                    Some(_) => Self::only_bound(bound),
                };
                let list = names::quoted_list(columns.names.iter().map(|name| &**name));
                let table = names::quoted(table);
                let sql = match row_id {
                    Some(row_id) => format!("SELECT {list}, {row_id} FROM {table} ORDER BY {row_id}"),
                    None => format!("SELECT {list} FROM {table}"),
                };
                Ok(Statement { sql, columns, row_id })
            }
        }
    }

    /// The same columns without those that nobody asks for.
    fn only_bound(bound: Columns) -> Columns {
        let mut names = Vec::new();
        let of_schema = bound
            .of_schema
            .iter()
            .map(|column| {
                column.map(|index| {
                    names.push(bound.names[index].clone());
                    names.len() - 1
                })
            })
            .collect();
        if names.is_empty() {
            // Rows without any column still are rows.
            names.extend(bound.names.into_iter().take(1));
        }
        Columns { names, of_schema }
    }

    fn names(&self, sqlite: &rusqlite::Connection, path: &Path, sql: &str) -> Result<Vec<Box<str>>> {
        let statement = sqlite.prepare(sql).map_err(|error| {
            let doing = format!("cannot read `{}` of {}", self.label(), path.display());
            match about_statement(&error) {
                Some(said) => Error::new(ErrorKind::Extraction, doing).caused_by(said),
                None => explain(ErrorKind::Extraction, doing, &error),
            }
        })?;
        if !statement.readonly() {
            return Err(self.fails(path, "the statement changes the database").hint("an extractor only reads: use a SELECT"));
        }
        let names: Vec<Box<str>> = statement.column_names().map(Box::from).collect();
        if names.is_empty() {
            return Err(self.fails(path, "the statement returns no columns"));
        }
        Ok(names)
    }

    fn bound(&self, names: Vec<Box<str>>, path: &Path, schema: Option<&[Column]>) -> Result<Columns> {
        let twice = |name: &str| {
            self.fails(path, &format!("there is more than one column `{name}`"))
                .hint("give each column of the query a name of its own, by AS")
        };
        let Some(schema) = schema else {
            if let Some((_, name)) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
                return Err(twice(name));
            }
            return Ok(Columns { of_schema: (0..names.len()).map(Some).collect(), names });
        };
        let mut missing = Vec::new();
        let mut of_schema = Vec::with_capacity(schema.len());
        for column in schema {
            // Column names of SQLite are compared without regard to case.
            let mut found = names.iter().enumerate().filter(|(_, name)| name.eq_ignore_ascii_case(column.name)).map(|(index, _)| index);
            let index = found.next();
            if found.next().is_some() {
                return Err(twice(column.name));
            }
            if index.is_none() && !column.optional {
                missing.push(column.name);
            }
            of_schema.push(index);
        }
        if missing.is_empty() {
            return Ok(Columns { names, of_schema });
        }
        let missing = names::quoted_list(missing.into_iter());
        Err(self
            .fails(path, &format!("there is no column {missing}"))
            .caused_by(format!("there are {}", names::quoted_list(names.iter().map(|name| &**name)))))
    }

    fn fails(&self, path: &Path, what: &str) -> Error {
        Error::new(ErrorKind::Extraction, format!("cannot read `{}` of {}: {what}", self.label(), path.display()))
    }
}
