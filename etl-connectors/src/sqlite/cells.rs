//! Rows that were read and are not decoded yet.

use std::borrow::Cow;
use std::sync::Arc;

use etl_core::position::{Cursor, Position};
use etl_core::record::codec::FieldSource;
use etl_core::record::{ColumnType, Problem};
use etl_core::source::Origin;
use rusqlite::types::ValueRef;

use super::query::Columns;
use crate::serde_rows::{Any, AnySource};

/// Rows side by side, their texts and blobs in one piece of memory.
pub(super) struct Cells {
    cells: Vec<Cell>,
    data: Vec<u8>,
    pub(super) columns: Arc<Columns>,
    pub(super) partition: Arc<str>,
    /// The number of the first row.
    pub(super) ordinal: u64,
    /// What the table calls the last row, where rows are in the order of that.
    pub(super) last: Option<i64>,
}

#[derive(Clone, Copy)]
enum Cell {
    Null,
    Integer(i64),
    Real(f64),
    Text { start: usize, length: u32 },
    Blob { start: usize, length: u32 },
}

/// 2^53: up to here every whole number is a floating-point number.
const EXACT: u64 = 1 << 53;

impl Cells {
    pub(super) fn new(columns: Arc<Columns>, partition: Arc<str>, ordinal: u64) -> Self {
        Self { cells: Vec::new(), data: Vec::new(), columns, partition, ordinal, last: None }
    }

    pub(super) fn push(&mut self, value: ValueRef<'_>) {
        let cell = match value {
            ValueRef::Null => Cell::Null,
            ValueRef::Integer(value) => Cell::Integer(value),
            ValueRef::Real(value) => Cell::Real(value),
            ValueRef::Text(text) => Cell::Text { start: self.data.len(), length: text.len() as u32 },
            ValueRef::Blob(blob) => Cell::Blob { start: self.data.len(), length: blob.len() as u32 },
        };
        if let ValueRef::Text(bytes) | ValueRef::Blob(bytes) = value {
            self.data.extend_from_slice(bytes);
        }
        self.cells.push(cell);
    }

    /// How many rows there are.
    pub(super) fn rows(&self) -> usize {
        self.cells.len() / self.columns.names.len().max(1)
    }

    pub(super) fn bytes(&self) -> usize {
        self.data.capacity() + self.cells.capacity() * size_of::<Cell>()
    }

    /// The bytes of texts and blobs.
    pub(super) fn data(&self) -> usize {
        self.data.len()
    }

    pub(super) fn row(&self, index: usize) -> Row<'_> {
        let width = self.columns.names.len();
        Row { cells: self, row: &self.cells[index * width..(index + 1) * width] }
    }

    fn slice(&self, start: usize, length: u32) -> &[u8] {
        &self.data[start..start + length as usize]
    }
}

/// One row as a source of fields.
pub(super) struct Row<'a> {
    cells: &'a Cells,
    row: &'a [Cell],
}

impl Row<'_> {
    #[inline]
    fn cell(&self, column: usize) -> Cell {
        self.cells.columns.of_schema.get(column).copied().flatten().map_or(Cell::Null, |index| self.row[index])
    }
}

impl FieldSource for Row<'_> {
    fn null(&mut self, column: usize) -> bool {
        matches!(self.cell(column), Cell::Null)
    }

    fn boolean(&mut self, column: usize) -> Result<bool, Problem> {
        match self.cell(column) {
            Cell::Null => Err(Problem::Missing),
            Cell::Integer(0) => Ok(false),
            Cell::Integer(1) => Ok(true),
            _ => Err(Problem::NotA(ColumnType::Bool)),
        }
    }

    fn i64(&mut self, column: usize) -> Result<i64, Problem> {
        match self.cell(column) {
            Cell::Null => Err(Problem::Missing),
            Cell::Integer(value) => Ok(value),
            _ => Err(Problem::NotA(ColumnType::I64)),
        }
    }

    fn u64(&mut self, column: usize) -> Result<u64, Problem> {
        match self.cell(column) {
            Cell::Null => Err(Problem::Missing),
            Cell::Integer(value) => u64::try_from(value).map_err(|_| Problem::OutOfRange(ColumnType::U64)),
            _ => Err(Problem::NotA(ColumnType::U64)),
        }
    }

    /// The nearest one: SQLite has double precision only.
    fn f32(&mut self, column: usize) -> Result<f32, Problem> {
        let wide = self.f64(column).map_err(|problem| match problem {
            Problem::NotA(_) => Problem::NotA(ColumnType::F32),
            other => other,
        })?;
        let narrow = wide as f32;
        if narrow.is_infinite() && wide.is_finite() { Err(Problem::OutOfRange(ColumnType::F32)) } else { Ok(narrow) }
    }

    fn f64(&mut self, column: usize) -> Result<f64, Problem> {
        match self.cell(column) {
            Cell::Null => Err(Problem::Missing),
            Cell::Real(value) => Ok(value),
            Cell::Integer(value) if value.unsigned_abs() <= EXACT => Ok(value as f64),
            Cell::Integer(_) => Err(Problem::OutOfRange(ColumnType::F64)),
            _ => Err(Problem::NotA(ColumnType::F64)),
        }
    }

    fn text(&mut self, column: usize) -> Result<&str, Problem> {
        match self.cell(column) {
            Cell::Null => Err(Problem::Missing),
            Cell::Text { start, length } => std::str::from_utf8(self.cells.slice(start, length)).map_err(|_| Problem::NotUtf8),
            _ => Err(Problem::NotA(ColumnType::Text)),
        }
    }

    /// A blob, or the bytes of a text.
    fn bytes(&mut self, column: usize) -> Result<&[u8], Problem> {
        match self.cell(column) {
            Cell::Null => Err(Problem::Missing),
            Cell::Text { start, length } | Cell::Blob { start, length } => Ok(self.cells.slice(start, length)),
            _ => Err(Problem::NotA(ColumnType::Bytes)),
        }
    }
}

impl AnySource for Row<'_> {
    fn any(&mut self, column: usize) -> Result<Any<'_>, Problem> {
        Ok(match self.cell(column) {
            Cell::Null => Any::Null,
            Cell::Integer(value) => Any::I64(value),
            Cell::Real(value) => Any::F64(value),
            Cell::Text { .. } => Any::Text(self.text(column)?),
            Cell::Blob { start, length } => Any::Bytes(self.cells.slice(start, length)),
        })
    }
}

impl Origin for Cells {
    fn position(&self, index: u32) -> Position {
        Position { partition: Arc::clone(&self.partition), ordinal: self.ordinal + u64::from(index), byte: None, line: None }
    }

    /// The place behind the last row has, for a byte, what the table calls that row (see `seek`).
    fn end(&self, records: u32) -> Cursor {
        let last = self.last.filter(|_| records as usize == self.rows());
        Cursor { byte: last.map(i64::cast_unsigned), ..Cursor::record(self.ordinal + u64::from(records)) }
    }

    /// The row as a JSON object; a blob as an array of numbers.
    fn payload(&self, index: u32) -> Option<Cow<'_, [u8]>> {
        let row = self.row(index as usize);
        let object: serde_json::Map<String, serde_json::Value> = self
            .columns
            .names
            .iter()
            .zip(row.row)
            .map(|(name, cell)| {
                let value = match *cell {
                    Cell::Null => serde_json::Value::Null,
                    Cell::Integer(value) => value.into(),
                    Cell::Real(value) => value.into(),
                    Cell::Text { start, length } => String::from_utf8_lossy(self.slice(start, length)).into(),
                    Cell::Blob { start, length } => self.slice(start, length).into(),
                };
                (name.to_string(), value)
            })
            .collect();
        serde_json::to_vec(&object).ok().map(Cow::Owned)
    }
}
