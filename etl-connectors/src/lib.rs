//! Sources and targets, one cargo feature each.
//!
//! | feature | reads | writes |
//! |---|---|---|
#![cfg_attr(feature = "csv", doc = "| `csv` | [`csv::read`] | [`csv::create`], [`csv::append`], [`csv::dataset`] |")]
#![cfg_attr(feature = "jsonl", doc = "| `jsonl` | [`jsonl::read`] | [`jsonl::create`], [`jsonl::append`], [`jsonl::dataset`] |")]
#![cfg_attr(feature = "sqlite", doc = "| `sqlite` | [`sqlite::read`] | [`sqlite::create`], [`sqlite::open`] |")]
#![cfg_attr(feature = "parquet", doc = "| `parquet` | [`parquet::read`] | [`parquet::create`], [`parquet::dataset`] |")]
#![cfg_attr(feature = "postgres", doc = "| `postgres` | | [`postgres::connect`] |")]
//!
//! With the features `gzip` and `zstd`, CSV and JSON lines are read and written compressed too.
//!
//! A source is returned by an extractor, a target by a resource. Both find the record's type by
//! inference; for types that only have serde there are `read_serde`, `create_serde` and
//! `insert_serde`.
//!
//! Sources only cut their input into chunks; the records are decoded by whatever worker is free.
//! Files that are written appear whole or not at all, but for those that are appended to. A run that
//! is killed goes on where it was: in the draft of a file, which is kept beside its place under the
//! name `.<name>.partial` (a single Parquet file is begun again), behind what is committed of a file
//! that is appended to, or behind the last part of a dataset.
//!
//! Errors name files, lines, tables and columns, never the content of a record.

#[cfg(feature = "csv")]
pub mod csv;
#[cfg(any(feature = "csv", feature = "jsonl", feature = "sqlite", feature = "parquet"))]
mod files;
#[cfg(feature = "jsonl")]
pub mod jsonl;
#[cfg(feature = "parquet")]
pub mod parquet;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(any(feature = "csv", feature = "sqlite", feature = "parquet"))]
mod serde_rows;
#[cfg(feature = "sqlite")]
pub mod sqlite;

#[cfg(any(feature = "csv", feature = "jsonl"))]
pub use files::Compression;
