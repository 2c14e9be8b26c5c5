//! A batch of a file as a source of fields, row by row.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::RecordBatch;
use etl_core::position::Position;
use etl_core::record::codec::FieldSource;
use etl_core::record::{ColumnType, Problem};
use etl_core::source::Origin;

use super::bound::{Bound, not};
use crate::serde_rows::{Any, AnySource};

/// A batch that was read, and where it stood.
pub(super) struct Batch {
    pub(super) batch: RecordBatch,
    pub(super) partition: Arc<str>,
    /// The number of its first row.
    pub(super) ordinal: u64,
}

/// One row.
pub(super) struct Row<'a> {
    pub(super) columns: &'a [Bound<'a>],
    pub(super) index: usize,
}

impl FieldSource for Row<'_> {
    #[inline]
    fn null(&mut self, column: usize) -> bool {
        self.columns[column].null(self.index)
    }

    fn boolean(&mut self, column: usize) -> Result<bool, Problem> {
        match self.columns[column].value(self.index) {
            Any::Bool(value) => Ok(value),
            other => Err(not(&other, ColumnType::Bool)),
        }
    }

    #[inline]
    fn i64(&mut self, column: usize) -> Result<i64, Problem> {
        self.columns[column].i64(self.index)
    }

    #[inline]
    fn u64(&mut self, column: usize) -> Result<u64, Problem> {
        self.columns[column].u64(self.index)
    }

    fn f32(&mut self, column: usize) -> Result<f32, Problem> {
        match self.columns[column].value(self.index) {
            // A `Float32` that was widened on the way, or a double for a type that only has serde.
            Any::F64(value) => Ok(value as f32),
            other => Err(not(&other, ColumnType::F32)),
        }
    }

    fn f64(&mut self, column: usize) -> Result<f64, Problem> {
        self.columns[column].f64(self.index)
    }

    #[inline]
    fn text(&mut self, column: usize) -> Result<&str, Problem> {
        match self.columns[column].value(self.index) {
            Any::Text(value) => Ok(value),
            other => Err(not(&other, ColumnType::Text)),
        }
    }

    fn bytes(&mut self, column: usize) -> Result<&[u8], Problem> {
        match self.columns[column].value(self.index) {
            Any::Bytes(value) => Ok(value),
            Any::Text(value) => Ok(value.as_bytes()),
            other => Err(not(&other, ColumnType::Bytes)),
        }
    }
}

impl AnySource for Row<'_> {
    fn any(&mut self, column: usize) -> Result<Any<'_>, Problem> {
        Ok(self.columns[column].value(self.index))
    }
}

impl Origin for Batch {
    fn position(&self, index: u32) -> Position {
        Position { partition: Arc::clone(&self.partition), ordinal: self.ordinal + u64::from(index), byte: None, line: None }
    }

    /// The columns that were read, as a JSON object; bytes as an array of numbers.
    fn payload(&self, index: u32) -> Option<Cow<'_, [u8]>> {
        let object: serde_json::Map<String, serde_json::Value> = self
            .batch
            .schema_ref()
            .fields()
            .iter()
            .zip(self.batch.columns())
            .map(|(field, array)| {
                let value = match Bound::new(array.as_ref()).value(index as usize) {
                    Any::Null => serde_json::Value::Null,
                    Any::Bool(value) => value.into(),
                    Any::I64(value) => value.into(),
                    Any::U64(value) => value.into(),
                    Any::F64(value) => value.into(),
                    Any::Text(value) => value.into(),
                    Any::Bytes(value) => value.into(),
                };
                (field.name().clone(), value)
            })
            .collect();
        serde_json::to_vec(&object).ok().map(Cow::Owned)
    }
}
