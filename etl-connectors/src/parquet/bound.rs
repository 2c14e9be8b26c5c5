//! A column of a file as a field of a record sees it.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, BinaryArray, BinaryViewArray, BooleanArray, FixedSizeBinaryArray, Float32Array, Float64Array, Int8Array, Int16Array, Int32Array,
    Int64Array, LargeBinaryArray, LargeStringArray, StringArray, StringViewArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use arrow_schema::DataType;
use etl_core::record::{ColumnType, Problem};

use crate::serde_rows::Any;

/// Whether every value of a column of type `found` is looked at for a field of type `wanted`.
pub(super) fn fits(wanted: ColumnType, found: &DataType) -> bool {
    use DataType::{
        Binary, BinaryView, Boolean, FixedSizeBinary, Float32, Float64, Int8, Int16, Int32, LargeBinary, LargeUtf8, UInt8, UInt16, UInt32,
        Utf8, Utf8View,
    };
    let found = match found {
        DataType::Dictionary(_, values) => values,
        plain => plain,
    };
    let text = matches!(found, Utf8 | LargeUtf8 | Utf8View);
    match wanted {
        ColumnType::Bool => *found == Boolean,
        ColumnType::F32 => *found == Float32,
        ColumnType::F64 => matches!(found, Float32 | Float64 | Int8 | Int16 | Int32 | UInt8 | UInt16 | UInt32),
        ColumnType::Text => text,
        ColumnType::Bytes => text || matches!(found, Binary | LargeBinary | BinaryView | FixedSizeBinary(_)),
        _ => found.is_integer(),
    }
}

/// Whether a column can be read at all.
pub(super) fn readable(found: &DataType) -> bool {
    [ColumnType::Bool, ColumnType::I64, ColumnType::F64, ColumnType::Bytes].into_iter().any(|wanted| fits(wanted, found))
}

/// A column of a batch.
pub(super) enum Bound<'a> {
    /// The file lacks it.
    Absent,
    Bool(&'a BooleanArray),
    I8(&'a Int8Array),
    I16(&'a Int16Array),
    I32(&'a Int32Array),
    I64(&'a Int64Array),
    U8(&'a UInt8Array),
    U16(&'a UInt16Array),
    U32(&'a UInt32Array),
    U64(&'a UInt64Array),
    F32(&'a Float32Array),
    F64(&'a Float64Array),
    Text(&'a StringArray),
    LargeText(&'a LargeStringArray),
    TextView(&'a StringViewArray),
    Bytes(&'a BinaryArray),
    LargeBytes(&'a LargeBinaryArray),
    BytesView(&'a BinaryViewArray),
    FixedBytes(&'a FixedSizeBinaryArray),
    Dictionary {
        array: &'a dyn Array,
        keys: Vec<usize>,
        values: Box<Self>,
    },
}

impl<'a> Bound<'a> {
    pub(super) fn new(array: &'a dyn Array) -> Self {
        match array.data_type() {
            DataType::Boolean => Self::Bool(array.as_boolean()),
            DataType::Int8 => Self::I8(array.as_primitive::<Int8Type>()),
            DataType::Int16 => Self::I16(array.as_primitive::<Int16Type>()),
            DataType::Int32 => Self::I32(array.as_primitive::<Int32Type>()),
            DataType::Int64 => Self::I64(array.as_primitive::<Int64Type>()),
            DataType::UInt8 => Self::U8(array.as_primitive::<UInt8Type>()),
            DataType::UInt16 => Self::U16(array.as_primitive::<UInt16Type>()),
            DataType::UInt32 => Self::U32(array.as_primitive::<UInt32Type>()),
            DataType::UInt64 => Self::U64(array.as_primitive::<UInt64Type>()),
            DataType::Float32 => Self::F32(array.as_primitive::<Float32Type>()),
            DataType::Float64 => Self::F64(array.as_primitive::<Float64Type>()),
            DataType::Utf8 => Self::Text(array.as_string()),
            DataType::LargeUtf8 => Self::LargeText(array.as_string()),
            DataType::Utf8View => Self::TextView(array.as_string_view()),
            DataType::Binary => Self::Bytes(array.as_binary()),
            DataType::LargeBinary => Self::LargeBytes(array.as_binary()),
            DataType::BinaryView => Self::BytesView(array.as_binary_view()),
            DataType::FixedSizeBinary(_) => Self::FixedBytes(array.as_fixed_size_binary()),
            DataType::Dictionary(..) => {
                let dictionary = array.as_any_dictionary();
                let keys = if dictionary.values().is_empty() { Vec::new() } else { dictionary.normalized_keys() };
                Self::Dictionary { array, keys, values: Box::new(Self::new(dictionary.values().as_ref())) }
            }
            // Such columns are refused, or left out, before anything is read.
            _ => Self::Absent,
        }
    }

    #[inline]
    pub(super) fn null(&self, row: usize) -> bool {
        match self {
            Self::Absent => true,
            Self::Bool(array) => array.is_null(row),
            Self::I8(array) => array.is_null(row),
            Self::I16(array) => array.is_null(row),
            Self::I32(array) => array.is_null(row),
            Self::I64(array) => array.is_null(row),
            Self::U8(array) => array.is_null(row),
            Self::U16(array) => array.is_null(row),
            Self::U32(array) => array.is_null(row),
            Self::U64(array) => array.is_null(row),
            Self::F32(array) => array.is_null(row),
            Self::F64(array) => array.is_null(row),
            Self::Text(array) => array.is_null(row),
            Self::LargeText(array) => array.is_null(row),
            Self::TextView(array) => array.is_null(row),
            Self::Bytes(array) => array.is_null(row),
            Self::LargeBytes(array) => array.is_null(row),
            Self::BytesView(array) => array.is_null(row),
            Self::FixedBytes(array) => array.is_null(row),
            Self::Dictionary { array, keys, values } => array.is_null(row) || keys.get(row).is_none_or(|key| values.null(*key)),
        }
    }

    /// The value, whatever it is.
    #[inline]
    pub(super) fn value(&self, row: usize) -> Any<'_> {
        if self.null(row) {
            return Any::Null;
        }
        match self {
            Self::Absent => Any::Null,
            Self::Bool(array) => Any::Bool(array.value(row)),
            Self::I8(array) => Any::I64(array.value(row).into()),
            Self::I16(array) => Any::I64(array.value(row).into()),
            Self::I32(array) => Any::I64(array.value(row).into()),
            Self::I64(array) => Any::I64(array.value(row)),
            Self::U8(array) => Any::U64(array.value(row).into()),
            Self::U16(array) => Any::U64(array.value(row).into()),
            Self::U32(array) => Any::U64(array.value(row).into()),
            Self::U64(array) => Any::U64(array.value(row)),
            Self::F32(array) => Any::F64(array.value(row).into()),
            Self::F64(array) => Any::F64(array.value(row)),
            Self::Text(array) => Any::Text(array.value(row)),
            Self::LargeText(array) => Any::Text(array.value(row)),
            Self::TextView(array) => Any::Text(array.value(row)),
            Self::Bytes(array) => Any::Bytes(array.value(row)),
            Self::LargeBytes(array) => Any::Bytes(array.value(row)),
            Self::BytesView(array) => Any::Bytes(array.value(row)),
            Self::FixedBytes(array) => Any::Bytes(array.value(row)),
            Self::Dictionary { keys, values, .. } => values.value(keys[row]),
        }
    }

    #[inline]
    pub(super) fn i64(&self, row: usize) -> Result<i64, Problem> {
        match self.value(row) {
            Any::I64(value) => Ok(value),
            Any::U64(value) => i64::try_from(value).map_err(|_| Problem::OutOfRange(ColumnType::I64)),
            other => Err(not(&other, ColumnType::I64)),
        }
    }

    #[inline]
    pub(super) fn u64(&self, row: usize) -> Result<u64, Problem> {
        match self.value(row) {
            Any::U64(value) => Ok(value),
            Any::I64(value) => u64::try_from(value).map_err(|_| Problem::OutOfRange(ColumnType::U64)),
            other => Err(not(&other, ColumnType::U64)),
        }
    }

    #[inline]
    pub(super) fn f64(&self, row: usize) -> Result<f64, Problem> {
        match self.value(row) {
            Any::F64(value) => Ok(value),
            // 32 bits at most: exact.
            Any::I64(value) => Ok(value as f64),
            Any::U64(value) => Ok(value as f64),
            other => Err(not(&other, ColumnType::F64)),
        }
    }
}

/// What is wrong with a value that is not of the wanted type.
pub(super) fn not(value: &Any<'_>, wanted: ColumnType) -> Problem {
    if matches!(value, Any::Null) { Problem::Missing } else { Problem::NotA(wanted) }
}
