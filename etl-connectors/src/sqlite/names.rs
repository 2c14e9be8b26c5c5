//! Names of tables and columns in statements.

use etl_core::record::{Column, ColumnType};

/// A name as SQL writes it whatever is in it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Names with commas between them.
pub(super) fn quoted_list<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.map(quoted).collect::<Vec<_>>().join(", ")
}

/// The statement that inserts one record.
///
/// Not generic, so that no compiler sees how many columns there are: it would unroll the sum of their lengths, and LLVM's
/// constraint elimination does not get done with two dozen additions that may each overflow.
pub(super) fn insert(table: &str, columns: &[&str]) -> String {
    let places = vec!["?"; columns.len()].join(", ");
    format!("INSERT INTO {} ({}) VALUES ({places})", quoted(table), quoted_list(columns.iter().copied()))
}

/// The statement that makes a table for records of a schema, if there is none of its name.
pub(super) fn create_table(table: &str, schema: &[Column]) -> String {
    let columns = schema.iter().map(|column| {
        let not_null = if column.nullable { "" } else { " NOT NULL" };
        format!("{} {}{not_null}", quoted(column.name), storage(column.column_type))
    });
    format!("CREATE TABLE IF NOT EXISTS {} ({})", quoted(table), columns.collect::<Vec<_>>().join(", "))
}

/// The same for fields of which only some types are known.
pub(super) fn create_loose_table<'n>(table: &str, fields: impl Iterator<Item = (&'n str, Option<ColumnType>)>) -> String {
    let columns = fields.map(|(name, column_type)| format!("{} {}", quoted(name), column_type.map_or("", storage)));
    format!("CREATE TABLE IF NOT EXISTS {} ({})", quoted(table), columns.collect::<Vec<_>>().join(", "))
}

fn storage(column_type: ColumnType) -> &'static str {
    match column_type {
        ColumnType::F32 | ColumnType::F64 => "REAL",
        ColumnType::Text => "TEXT",
        ColumnType::Bytes => "BLOB",
        _ => "INTEGER",
    }
}
