//! The programs that are killed: one pipeline for each class of target, all of them with the same
//! stages and the same cargo.
//!
//! What arrives is judged by the oracle of this package, which shares no code with what is here: it
//! knows from a record's number what must become of it.

mod append;
mod csv_append;
mod csv_file;
mod dataset;
mod jsonl;
mod jsonl_gz;
mod parquet;
mod postgres;
mod sqlite;
mod sqlite_new;
mod stages;
mod upsert;

use append::Append;
use csv_append::CsvAppend;
use csv_file::CsvFile;
use dataset::Dataset;
use jsonl::Jsonl;
use jsonl_gz::JsonlGz;
use parquet::Parquet;
use postgres::Postgres;
use sqlite::Sqlite;
use sqlite_new::SqliteNew;
use upsert::Upsert;

etl_core::main!(Postgres, Sqlite, SqliteNew, Dataset, Parquet, CsvFile, CsvAppend, Jsonl, JsonlGz, Upsert, Append);

/// Of which delivery code this was built: the harness looks for it in the program that it runs.
#[used]
static BUILT_FROM: &str = concat!("etl-crash-code:", env!("ETL_CRASH_CODE"));
