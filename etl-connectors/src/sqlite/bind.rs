//! Binding one record to a statement.

use etl_core::record::codec::FieldVisitor;
use rusqlite::Statement;
use rusqlite::types::{Null, ToSqlOutput, ValueRef};

/// Binds the fields of a record to the parameters of a statement.
pub(super) struct Binder<'s, 'c>(pub(super) &'s mut Statement<'c>);

/// Why a field cannot be bound.
#[derive(Debug)]
pub(super) enum Unbound {
    Sqlite(rusqlite::Error),
    /// A number above `i64::MAX`.
    TooLarge {
        column: usize,
    },
}

impl Binder<'_, '_> {
    fn bind(&mut self, column: usize, value: ValueRef<'_>) -> Result<(), Unbound> {
        self.0.raw_bind_parameter(column + 1, ToSqlOutput::Borrowed(value)).map_err(Unbound::Sqlite)
    }
}

impl FieldVisitor for Binder<'_, '_> {
    type Error = Unbound;

    fn null(&mut self, column: usize) -> Result<(), Unbound> {
        self.0.raw_bind_parameter(column + 1, Null).map_err(Unbound::Sqlite)
    }

    fn boolean(&mut self, column: usize, value: bool) -> Result<(), Unbound> {
        self.bind(column, ValueRef::Integer(value.into()))
    }

    fn i64(&mut self, column: usize, value: i64) -> Result<(), Unbound> {
        self.bind(column, ValueRef::Integer(value))
    }

    fn u64(&mut self, column: usize, value: u64) -> Result<(), Unbound> {
        let value = i64::try_from(value).map_err(|_| Unbound::TooLarge { column })?;
        self.bind(column, ValueRef::Integer(value))
    }

    fn f32(&mut self, column: usize, value: f32) -> Result<(), Unbound> {
        self.bind(column, ValueRef::Real(value.into()))
    }

    fn f64(&mut self, column: usize, value: f64) -> Result<(), Unbound> {
        self.bind(column, ValueRef::Real(value))
    }

    fn text(&mut self, column: usize, value: &str) -> Result<(), Unbound> {
        self.bind(column, ValueRef::Text(value.as_bytes()))
    }

    fn bytes(&mut self, column: usize, value: &[u8]) -> Result<(), Unbound> {
        self.bind(column, ValueRef::Blob(value))
    }
}
