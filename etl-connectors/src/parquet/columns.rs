//! Building Arrow columns from records.

use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, StringBuilder};
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{ArrayRef, BooleanArray, PrimitiveArray, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use etl_core::record::codec::{ColumnVisitor, Encode};
use etl_core::record::{Column, ColumnType};

/// The Arrow schema of a record.
pub(super) fn schema(columns: &[Column]) -> SchemaRef {
    let field = |column: &Column| {
        let data_type = match column.column_type {
            ColumnType::Bool => DataType::Boolean,
            ColumnType::I8 => DataType::Int8,
            ColumnType::I16 => DataType::Int16,
            ColumnType::I32 => DataType::Int32,
            ColumnType::I64 => DataType::Int64,
            ColumnType::U8 => DataType::UInt8,
            ColumnType::U16 => DataType::UInt16,
            ColumnType::U32 => DataType::UInt32,
            ColumnType::U64 => DataType::UInt64,
            ColumnType::F32 => DataType::Float32,
            ColumnType::F64 => DataType::Float64,
            ColumnType::Bytes => DataType::Binary,
            // Any type that is added later has a form as text first.
            _ => DataType::Utf8,
        };
        Field::new(column.name, data_type, column.nullable)
    };
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

/// Why records cannot become columns.
#[derive(Debug)]
pub(super) enum Unfit {
    /// The texts or bytes of one column are more than 2 GiB.
    TooLarge { column: usize },
    /// The library refuses the columns.
    Refused,
}

/// The columns of `records`, which should be few enough to stay in the cache.
pub(super) fn batch<T: Encode>(records: &[T], schema: &SchemaRef) -> Result<RecordBatch, Unfit> {
    let mut columns = Columns { schema: T::SCHEMA, arrays: Vec::with_capacity(T::SCHEMA.len()) };
    T::encode_columns(records, &mut columns)?;
    let options = RecordBatchOptions::new().with_row_count(Some(records.len()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns.arrays, &options).map_err(|_| Unfit::Refused)
}

struct Columns {
    schema: &'static [Column],
    arrays: Vec<ArrayRef>,
}

impl Columns {
    /// A column of numbers. `narrow` takes a value to its own width, which it came from.
    fn numbers<A: ArrowPrimitiveType, W>(
        &mut self,
        column: usize,
        values: impl ExactSizeIterator<Item = Option<W>>,
        narrow: impl Fn(W) -> A::Native,
    ) {
        let array: PrimitiveArray<A> = if self.schema[column].nullable {
            values.map(|value| value.map(&narrow)).collect()
        } else {
            // None of them is missing.
            PrimitiveArray::from_iter_values(values.flatten().map(narrow))
        };
        self.arrays.push(Arc::new(array));
    }
}

impl ColumnVisitor for Columns {
    type Error = Unfit;

    fn booleans(&mut self, _column: usize, values: impl ExactSizeIterator<Item = Option<bool>>) -> Result<(), Unfit> {
        self.arrays.push(Arc::new(values.collect::<BooleanArray>()));
        Ok(())
    }

    fn i64s(&mut self, column: usize, values: impl ExactSizeIterator<Item = Option<i64>>) -> Result<(), Unfit> {
        match self.schema[column].column_type {
            ColumnType::I8 => self.numbers::<Int8Type, _>(column, values, |value| value as i8),
            ColumnType::I16 => self.numbers::<Int16Type, _>(column, values, |value| value as i16),
            ColumnType::I32 => self.numbers::<Int32Type, _>(column, values, |value| value as i32),
            _ => self.numbers::<Int64Type, _>(column, values, |value| value),
        }
        Ok(())
    }

    fn u64s(&mut self, column: usize, values: impl ExactSizeIterator<Item = Option<u64>>) -> Result<(), Unfit> {
        match self.schema[column].column_type {
            ColumnType::U8 => self.numbers::<UInt8Type, _>(column, values, |value| value as u8),
            ColumnType::U16 => self.numbers::<UInt16Type, _>(column, values, |value| value as u16),
            ColumnType::U32 => self.numbers::<UInt32Type, _>(column, values, |value| value as u32),
            _ => self.numbers::<UInt64Type, _>(column, values, |value| value),
        }
        Ok(())
    }

    fn f32s(&mut self, column: usize, values: impl ExactSizeIterator<Item = Option<f32>>) -> Result<(), Unfit> {
        self.numbers::<Float32Type, _>(column, values, |value| value);
        Ok(())
    }

    fn f64s(&mut self, column: usize, values: impl ExactSizeIterator<Item = Option<f64>>) -> Result<(), Unfit> {
        self.numbers::<Float64Type, _>(column, values, |value| value);
        Ok(())
    }

    fn texts<S: AsRef<str>>(&mut self, column: usize, values: impl ExactSizeIterator<Item = Option<S>>) -> Result<(), Unfit> {
        let mut builder = StringBuilder::with_capacity(values.len(), values.len() * 8);
        let mut room = Room::new(column);
        for value in values {
            match &value {
                Some(text) => {
                    room.take(text.as_ref().len())?;
                    builder.append_value(text);
                }
                None => builder.append_null(),
            }
        }
        self.arrays.push(Arc::new(builder.finish()));
        Ok(())
    }

    fn byte_strings<'r>(&mut self, column: usize, values: impl ExactSizeIterator<Item = Option<&'r [u8]>>) -> Result<(), Unfit> {
        let mut builder = BinaryBuilder::with_capacity(values.len(), values.len() * 8);
        let mut room = Room::new(column);
        for value in values {
            match value {
                Some(bytes) => {
                    room.take(bytes.len())?;
                    builder.append_value(bytes);
                }
                None => builder.append_null(),
            }
        }
        self.arrays.push(Arc::new(builder.finish()));
        Ok(())
    }
}

/// What is left of the 2 GiB that one Arrow column of texts can hold.
struct Room {
    column: usize,
    left: usize,
}

impl Room {
    fn new(column: usize) -> Self {
        Self { column, left: i32::MAX as usize }
    }

    fn take(&mut self, bytes: usize) -> Result<(), Unfit> {
        self.left = self.left.checked_sub(bytes).ok_or(Unfit::TooLarge { column: self.column })?;
        Ok(())
    }
}
