//! The classes of targets: what each promises, where its rows are, and how far a run has come.

use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::Result;
use crate::database::Database;
use crate::delivery_code;
use crate::freight::{Freight, Row};
use crate::sink;

/// A class of targets; one pipeline of the ferry loads into each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A table of PostgreSQL.
    Postgres,
    /// A table of a SQLite database that exists.
    Sqlite,
    /// A SQLite database that the run makes.
    SqliteNew,
    /// A directory of Parquet files with a manifest.
    Dataset,
    /// A Parquet file.
    Parquet,
    /// A CSV file.
    CsvFile,
    /// The end of a CSV file.
    CsvAppend,
    /// A file of JSON lines.
    Jsonl,
    /// A file of JSON lines, compressed.
    JsonlGz,
    /// A table in which a record replaces an earlier one by its key.
    Upsert,
    /// A file that a plain function appends to.
    Append,
}

/// What a class promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// Every record is there once.
    Once,
    /// No record is lost; what was loaded since the last checkpoint may be there again.
    AtLeastOnce,
}

/// Where in a run a kill fell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Nothing was committed yet.
    Before,
    /// Between the first commit and the last one.
    Between,
    /// Everything was committed.
    After,
}

/// The directory of one round.
#[derive(Clone, Debug)]
pub struct Pier {
    /// The directory itself.
    pub directory: PathBuf,
    /// What is loaded into.
    pub class: Class,
    /// The database, where the target is on a server.
    pub database: Option<Database>,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Postgres,
        Self::Sqlite,
        Self::SqliteNew,
        Self::Dataset,
        Self::Parquet,
        Self::CsvFile,
        Self::CsvAppend,
        Self::Jsonl,
        Self::JsonlGz,
        Self::Upsert,
        Self::Append,
    ];

    /// Its name, which is that of the pipeline on the ferry's command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Sqlite => "sqlite",
            Self::SqliteNew => "sqlite-new",
            Self::Dataset => "dataset",
            Self::Parquet => "parquet",
            Self::CsvFile => "csv-file",
            Self::CsvAppend => "csv-append",
            Self::Jsonl => "jsonl",
            Self::JsonlGz => "jsonl-gz",
            Self::Upsert => "upsert",
            Self::Append => "append",
        }
    }

    /// The class of that name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// What it promises.
    #[must_use]
    pub fn promise(self) -> Promise {
        match self {
            Self::Append => Promise::AtLeastOnce,
            _ => Promise::Once,
        }
    }

    /// The digest of the code that decides whether its promise is kept: of all that delivers, but not of the
    /// connectors that have no part in it.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn delivery_code(self, root: &Path) -> io::Result<String> {
        // Those that share nothing with each other; the sources are CSV, and files are common to many.
        const APART: [&str; 4] = ["jsonl", "parquet", "postgres", "sqlite"];
        let others = APART.into_iter().filter(|connector| self.connector() != Some(connector));
        delivery_code::digest_without(root, &others.map(|other| Path::new("etl-connectors/src").join(other)).collect::<Vec<_>>())
    }

    fn connector(self) -> Option<&'static str> {
        match self {
            Self::Postgres => Some("postgres"),
            Self::Sqlite | Self::SqliteNew | Self::Upsert => Some("sqlite"),
            Self::Dataset | Self::Parquet => Some("parquet"),
            Self::Jsonl | Self::JsonlGz => Some("jsonl"),
            Self::CsvFile | Self::CsvAppend | Self::Append => None,
        }
    }

    fn output(self) -> &'static str {
        match self {
            // Nothing is there: the rows are on the server.
            Self::Postgres => "none",
            Self::Sqlite | Self::SqliteNew | Self::Upsert => "out.db",
            Self::Dataset => "out",
            Self::Parquet => "out.parquet",
            Self::CsvFile | Self::CsvAppend => "out.csv",
            Self::Jsonl => "out.jsonl",
            Self::JsonlGz => "out.jsonl.gz",
            Self::Append => "out.txt",
        }
    }

    /// Whether nothing of the output is under its name before the run ends well.
    #[must_use]
    pub fn appears_whole(self) -> bool {
        matches!(self, Self::SqliteNew | Self::Parquet | Self::CsvFile | Self::Jsonl | Self::JsonlGz)
    }
}

impl Pier {
    /// Makes the directory and what a run expects to be there.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn build(directory: &Path, class: Class, database: Option<Database>) -> Result<Self> {
        fs::create_dir_all(directory)?;
        if let Some(database) = &database {
            database.clear()?;
        }
        let pier = Self { directory: directory.to_owned(), class, database };
        let key = match class {
            Class::Sqlite => "",
            Class::Upsert => " PRIMARY KEY",
            _ => return Ok(pier),
        };
        let table = format!("CREATE TABLE items (id INTEGER{key}, amount INTEGER, note TEXT, stamp INTEGER)");
        rusqlite::Connection::open(pier.output())?.execute_batch(&table)?;
        Ok(pier)
    }

    /// The target.
    #[must_use]
    pub fn output(&self) -> PathBuf {
        self.directory.join(self.class.output())
    }

    /// The dead letters.
    #[must_use]
    pub fn rejects(&self) -> PathBuf {
        self.directory.join("rejects.jsonl")
    }

    /// Those of a run on another machine.
    #[must_use]
    pub fn rejects_elsewhere(&self) -> PathBuf {
        self.directory.join("harness.rejects.jsonl")
    }

    /// What the pipeline knows of its runs.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.directory.join("state")
    }

    /// The report of the last run.
    #[must_use]
    pub fn report(&self) -> PathBuf {
        self.directory.join("report.json")
    }

    /// What the runs say, beside the directory: it is none of what a run leaves behind.
    #[must_use]
    pub fn words(&self) -> PathBuf {
        self.directory.with_extension("stderr")
    }

    /// The rows that are there.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn rows(&self) -> Result<Vec<Row>> {
        let path = self.output();
        match self.class {
            Class::Postgres => self.on_server()?.rows(),
            Class::Sqlite | Class::SqliteNew | Class::Upsert => sink::sqlite(&path),
            Class::Dataset => sink::dataset(&path),
            Class::Parquet => sink::parquet(&path),
            Class::CsvFile | Class::CsvAppend => sink::csv(&path),
            Class::Jsonl => sink::jsonl(fs::File::open(&path)?),
            Class::JsonlGz => sink::jsonl(flate2::read::MultiGzDecoder::new(fs::File::open(&path)?)),
            Class::Append => sink::text(&path),
        }
    }

    /// How far the runs have come, by what they have left behind. Changes nothing.
    ///
    /// # Errors
    /// It cannot be looked at.
    pub fn place(&self, freight: Freight) -> Result<Place> {
        let output = self.output();
        if self.class.appears_whole() {
            // A file is published by the last step; before, the checkpoint tells how far it is.
            return Ok(match (output.exists(), self.has_checkpoint()) {
                (true, _) => Place::After,
                (false, true) => Place::Between,
                (false, false) => Place::Before,
            });
        }
        let rows = match self.class {
            Class::Postgres => self.on_server()?.count()?,
            // What is beyond the checkpoint is cut off again, and after the last one nothing is.
            Class::CsvAppend | Class::Dataset if !self.has_checkpoint() => 0,
            Class::Append | Class::CsvAppend => sink::lines(&output),
            Class::Dataset => sink::manifest(&output).map_or(0, |manifest| {
                manifest["parts"].as_array().map_or(0, |parts| parts.iter().filter_map(|part| part["rows"].as_u64()).sum())
            }),
            _ => sink::sqlite_count(&output)?.unwrap_or(0),
        };
        Ok(match rows {
            0 => Place::Before,
            rows if rows >= freight.loaded() => Place::After,
            _ => Place::Between,
        })
    }

    /// The database on the server.
    ///
    /// # Errors
    /// The class has none.
    pub fn on_server(&self) -> Result<&Database> {
        self.database.as_ref().ok_or_else(|| format!("{} has no server", self.class.name()).into())
    }

    fn has_checkpoint(&self) -> bool {
        self.state_files().iter().any(|name| name.contains("checkpoint") && !name.ends_with(".tmp"))
    }

    /// The files in the state directory, by their names in it.
    fn state_files(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut folders = vec![self.state()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    names.push(path.strip_prefix(&self.directory).unwrap_or(&path).display().to_string());
                }
            }
        }
        names
    }

    /// What is in the directory, and has no business there once a run has ended well.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn leftovers(&self) -> Result<Vec<String>> {
        let expected = [self.class.output(), "rejects.jsonl", "state", "report.json"];
        let mut left = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            let is_ours = name.starts_with("harness.");
            if !expected.contains(&name.as_str()) && !is_ours {
                left.push(name);
            }
        }
        if self.class == Class::Dataset {
            left.extend(sink::unlisted(&self.output())?);
        }
        left.extend(self.state_files().into_iter().filter(|name| name.ends_with(".partial") || name.contains(".tmp")));
        left.sort();
        Ok(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let names: std::collections::BTreeSet<_> = Class::ALL.iter().map(|class| class.name()).collect();
        assert_eq!(names.len(), Class::ALL.len());
    }

    #[test]
    fn how_far_a_run_has_come_is_told_by_its_target() {
        let freight = Freight { records: 3 };
        let directory = tempfile::tempdir().unwrap();
        let pier = Pier::build(directory.path(), Class::Sqlite, None).unwrap();
        assert_eq!(pier.place(freight).unwrap(), Place::Before);
        let database = rusqlite::Connection::open(pier.output()).unwrap();
        database.execute_batch("INSERT INTO items (id) VALUES (1)").unwrap();
        assert_eq!(pier.place(freight).unwrap(), Place::Between);
        // What is not committed does not count, though the journal lies beside the database.
        database.execute_batch("BEGIN; INSERT INTO items (id) VALUES (2), (3)").unwrap();
        assert_eq!(pier.place(freight).unwrap(), Place::Between);
        database.execute_batch("COMMIT").unwrap();
        assert_eq!(pier.place(freight).unwrap(), Place::After);
        assert_eq!(pier.leftovers().unwrap(), [""; 0]);
        fs::write(directory.path().join(".out.db.x1.partial"), "").unwrap();
        assert_eq!(pier.leftovers().unwrap(), [".out.db.x1.partial"]);
    }
}
