//! What a table's columns are, and how the fields of a record are written to them.

use etl_core::record::{Column, ColumnType};
use etl_core::{Error, ErrorKind, Result};
use tokio_postgres::Row;

use super::encode::Form;
use super::names::{Ident, Table};

/// Asks for the columns of a table, in their order. `$1` is its quoted name; no row: there is none.
pub(super) const ASK: &str = "
SELECT format('%I.%I', n.nspname, c.relname),
       a.attname::text,
       format_type(a.atttypid, a.atttypmod),
       coalesce(b.typname, t.typname)::text,
       coalesce(b.typtype, t.typtype)::text,
       a.attnotnull AND NOT a.atthasdef AND a.attidentity = '',
       a.attgenerated <> ''
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype
WHERE c.oid = to_regclass($1)
ORDER BY a.attnum";

/// A table as the catalog has it.
#[derive(Debug)]
pub(super) struct Shape {
    /// Its quoted name with the schema in which it was found.
    pub(super) name: String,
    columns: Vec<TableColumn>,
}

#[derive(Debug)]
struct TableColumn {
    name: String,
    /// As SQL writes it, `character varying(3)`.
    shown: String,
    /// As the catalog names it, `varchar`; that of the base of a domain.
    of: String,
    is_enum: bool,
    /// Whether a record must have it.
    needed: bool,
    generated: bool,
}

/// How records of a schema are written to a table.
#[derive(Debug)]
pub(super) struct Binding {
    /// The table's quoted name with its schema.
    pub(super) table: String,
    /// The columns of the record, in its order.
    pub(super) columns: Vec<Ident>,
    /// How each is written.
    pub(super) forms: Vec<Form>,
    /// What each is in the table, for errors.
    pub(super) shown: Vec<String>,
}

impl Shape {
    /// Reads the answer to [`ASK`].
    pub(super) fn read(table: &Table, rows: &[Row]) -> Result<Self> {
        let Some(first) = rows.first() else {
            return Err(Error::new(ErrorKind::Load, format!("there is no table {table}"))
                .with_code("postgres_no_table")
                .hint("make it first, with the columns of the record; a table of another schema is named (\"schema\", \"table\")"));
        };
        let columns = rows.iter().filter_map(|row| {
            // A table without columns has one row, of NULLs.
            let name: Option<String> = row.get(1);
            Some(TableColumn {
                name: name?,
                shown: row.get(2),
                of: row.get(3),
                is_enum: row.get::<_, &str>(4) == "e",
                needed: row.get(5),
                generated: row.get(6),
            })
        });
        Ok(Self { name: first.get(0), columns: columns.collect() })
    }

    /// How records of a schema are written to it, or everything that is in the way.
    pub(super) fn bind(&self, schema: &[Column]) -> Result<Binding> {
        let mut binding =
            Binding { table: self.name.clone(), columns: Vec::with_capacity(schema.len()), forms: Vec::new(), shown: Vec::new() };
        let mut problems = Vec::new();
        for field in schema {
            binding.columns.push(Ident::new(field.name)?);
            match self.columns.iter().find(|column| column.name == field.name) {
                None => problems.push(format!("it has no column \"{}\"", field.name)),
                Some(column) if column.generated => problems.push(format!("the column \"{}\" is generated", field.name)),
                Some(column) => match column.form(field.column_type) {
                    None => problems.push(format!(
                        "the column \"{}\" is {}, which takes no field of type {}",
                        field.name,
                        column.shown,
                        field.column_type.as_str()
                    )),
                    Some(form) => {
                        binding.forms.push(form);
                        binding.shown.push(column.shown.clone());
                    }
                },
            }
        }
        let given = |name: &str| schema.iter().any(|field| field.name == name);
        for column in self.columns.iter().filter(|column| column.needed && !given(&column.name)) {
            problems.push(format!("its column \"{}\" is NOT NULL without a default, and the record has no such field", column.name));
        }
        if problems.is_empty() {
            return Ok(binding);
        }
        let error = Error::new(ErrorKind::Load, format!("records do not fit into {}", self.name)).with_code("postgres_columns");
        Err(problems.into_iter().fold(error, Error::caused_by))
    }
}

impl TableColumn {
    /// How a field is written to it; `None` where it does not fit.
    fn form(&self, field: ColumnType) -> Option<Form> {
        use ColumnType::{Bool, Bytes, F32, F64, I8, I16, I32, I64, Text, U8, U16, U32, U64};
        if self.is_enum {
            return (field == Text).then_some(Form::Text);
        }
        Some(match (self.of.as_str(), field) {
            ("bool", Bool) => Form::Bool,
            ("int2", I8 | I16 | I32 | I64 | U8 | U16 | U32 | U64) => Form::Int2,
            ("int4", I8 | I16 | I32 | I64 | U8 | U16 | U32 | U64) => Form::Int4,
            ("int8", I8 | I16 | I32 | I64 | U8 | U16 | U32 | U64) => Form::Int8,
            ("numeric", I8 | I16 | I32 | I64 | U8 | U16 | U32 | U64 | Text) => Form::Numeric,
            // Only where every value of the field is one of the column's.
            ("float4", F32 | I8 | I16 | U8 | U16) => Form::Float4,
            ("float8", F32 | F64 | I8 | I16 | I32 | U8 | U16 | U32) => Form::Float8,
            ("text" | "varchar" | "bpchar" | "name" | "citext" | "json" | "xml", Text) => Form::Text,
            ("jsonb", Text) => Form::Jsonb,
            ("uuid", Text) => Form::Uuid,
            ("date", Text) => Form::Date,
            ("timestamp", Text) => Form::Timestamp,
            ("timestamptz", Text) => Form::TimestampTz,
            ("bytea", Bytes) => Form::Bytes,
            _ => return None,
        })
    }
}
