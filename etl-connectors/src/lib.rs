//! Sources and targets, one cargo feature each.
//!
//! | feature | reads | writes |
//! |---|---|---|
#![cfg_attr(feature = "csv", doc = "| `csv` | [`csv::read`] | [`csv::create`] |")]
#![cfg_attr(feature = "jsonl", doc = "| `jsonl` | [`jsonl::read`] | [`jsonl::create`] |")]
#![cfg_attr(feature = "sqlite", doc = "| `sqlite` | [`sqlite::read`] | [`sqlite::create`], [`sqlite::open`] |")]
#![cfg_attr(feature = "parquet", doc = "| `parquet` | [`parquet::read`] | [`parquet::create`] |")]
//!
//! With the features `gzip` and `zstd`, CSV and JSON lines are read compressed too.
//!
//! A source is returned by an extractor, a target by a resource. Both find the record's type by
//! inference; for types that only have serde there are `read_serde`, `create_serde` and
//! `insert_serde`.
//!
//! Sources only cut their input into chunks; the records are decoded by whatever worker is free.
//! Files that are written appear whole or not at all.
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
#[cfg(any(feature = "csv", feature = "sqlite", feature = "parquet"))]
mod serde_rows;
#[cfg(feature = "sqlite")]
pub mod sqlite;

#[cfg(any(feature = "csv", feature = "jsonl"))]
pub use files::Compression;
