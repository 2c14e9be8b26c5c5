//! How a record meets a format: a schema, and two monomorphic functions that know no format.
//!
//! A connector implements one end ([`FieldSource`] to read, [`FieldVisitor`] or [`ColumnVisitor`]
//! to write), `#[derive(Record)]` the other. Columns are numbered as the schema lists them; a
//! connector binds them to its own columns by name, once per file.

use std::fmt;

use super::size::heap_bytes;
use super::{Record, write_json};

/// The physical type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ColumnType {
    /// `bool`
    Bool,
    /// `i8`
    I8,
    /// `i16`
    I16,
    /// `i32`
    I32,
    /// `i64`
    I64,
    /// `u8`
    U8,
    /// `u16`
    U16,
    /// `u32`
    U32,
    /// `u64`
    U64,
    /// `f32`
    F32,
    /// `f64`
    F64,
    /// UTF-8 text of any length
    Text,
    /// bytes of any length
    Bytes,
}

impl ColumnType {
    /// The name that schemas and messages print.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::I8 => "i8",
            Self::I16 => "i16",
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Text => "text",
            Self::Bytes => "bytes",
        }
    }
}

/// One column of a record's schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name in files and tables.
    pub name: &'static str,
    /// What a value is.
    pub column_type: ColumnType,
    /// Whether a value may be missing.
    pub nullable: bool,
    /// Whether a value is masked wherever it is shown to people.
    pub sensitive: bool,
    /// Whether a source may lack the whole column (`#[record(default)]`).
    pub optional: bool,
}

impl Column {
    /// The same under a name.
    #[must_use]
    pub const fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// The same, which a source may lack.
    #[must_use]
    pub const fn optional(self) -> Self {
        Self { optional: true, ..self }
    }
}

/// Why a field could not be read. It names the column and never quotes the value (I8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The column's name in the schema.
    pub column: &'static str,
    /// What is wrong with the value.
    pub problem: Problem,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column `{}` {}", self.column, self.problem)
    }
}

/// What can be wrong with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Problem {
    /// No value, and the field is no `Option`.
    Missing,
    /// The value is not of the column's type.
    NotA(ColumnType),
    /// A number that the field's type cannot hold.
    OutOfRange(ColumnType),
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// The field's own type refused the text (`#[record(text)]`).
    Refused,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("has no value"),
            Self::NotA(wanted) => write!(f, "is not of type {}", wanted.as_str()),
            Self::OutOfRange(wanted) => write!(f, "is out of the range of {}", wanted.as_str()),
            Self::NotUtf8 => f.write_str("is not valid UTF-8"),
            Self::Refused => f.write_str("is not in the form that its type expects"),
        }
    }
}

/// Where the fields of one record are read from: a line of CSV, a JSON object, a row.
///
/// `column` is an index into the schema. Each column is asked once, in order, [`null`] first where
/// the field may be missing.
///
/// [`null`]: FieldSource::null
pub trait FieldSource {
    /// Whether the column has no value.
    fn null(&mut self, column: usize) -> bool;
    /// A truth value.
    fn boolean(&mut self, column: usize) -> Result<bool, Problem>;
    /// A signed number; the field narrows it.
    fn i64(&mut self, column: usize) -> Result<i64, Problem>;
    /// An unsigned number; the field narrows it.
    fn u64(&mut self, column: usize) -> Result<u64, Problem>;
    /// A single-precision number.
    fn f32(&mut self, column: usize) -> Result<f32, Problem>;
    /// A double-precision number.
    fn f64(&mut self, column: usize) -> Result<f64, Problem>;
    /// A text, lent until the next call.
    fn text(&mut self, column: usize) -> Result<&str, Problem>;
    /// Bytes, lent until the next call.
    fn bytes(&mut self, column: usize) -> Result<&[u8], Problem>;
}

/// Where the fields of one record are shown: a line of CSV or JSON, a bound statement.
pub trait FieldVisitor {
    /// What can go wrong in writing.
    type Error;
    /// No value.
    fn null(&mut self, column: usize) -> Result<(), Self::Error>;
    /// A truth value.
    fn boolean(&mut self, column: usize, value: bool) -> Result<(), Self::Error>;
    /// A signed number; its width is in the schema.
    fn i64(&mut self, column: usize, value: i64) -> Result<(), Self::Error>;
    /// An unsigned number; its width is in the schema.
    fn u64(&mut self, column: usize, value: u64) -> Result<(), Self::Error>;
    /// A single-precision number.
    fn f32(&mut self, column: usize, value: f32) -> Result<(), Self::Error>;
    /// A double-precision number.
    fn f64(&mut self, column: usize, value: f64) -> Result<(), Self::Error>;
    /// A text.
    fn text(&mut self, column: usize, value: &str) -> Result<(), Self::Error>;
    /// Bytes.
    fn bytes(&mut self, column: usize, value: &[u8]) -> Result<(), Self::Error>;
}

/// Where whole columns are shown: the builders of a columnar format. One call a column and batch,
/// so that the loop inside is monomorphic.
pub trait ColumnVisitor {
    /// What can go wrong in writing.
    type Error;
    /// Truth values.
    fn booleans(&mut self, column: usize, values: impl ExactSizeIterator<Item = Option<bool>>) -> Result<(), Self::Error>;
    /// Signed numbers; their width is in the schema.
    fn i64s(&mut self, column: usize, values: impl ExactSizeIterator<Item = Option<i64>>) -> Result<(), Self::Error>;
    /// Unsigned numbers; their width is in the schema.
    fn u64s(&mut self, column: usize, values: impl ExactSizeIterator<Item = Option<u64>>) -> Result<(), Self::Error>;
    /// Single-precision numbers.
    fn f32s(&mut self, column: usize, values: impl ExactSizeIterator<Item = Option<f32>>) -> Result<(), Self::Error>;
    /// Double-precision numbers.
    fn f64s(&mut self, column: usize, values: impl ExactSizeIterator<Item = Option<f64>>) -> Result<(), Self::Error>;
    /// Texts. An owned text appears where a field's type makes it on the way (`#[record(text)]`).
    fn texts<S: AsRef<str>>(&mut self, column: usize, values: impl ExactSizeIterator<Item = Option<S>>) -> Result<(), Self::Error>;
    /// Bytes.
    fn byte_strings<'r>(&mut self, column: usize, values: impl ExactSizeIterator<Item = Option<&'r [u8]>>) -> Result<(), Self::Error>;
}

/// What `#[derive(Record)]` implements: the columns, and the two functions between them and any format.
/// [`Record`], [`Described`], [`Decode`] and [`Encode`] follow from it, because the compiler looks at each impl of the
/// user's crate whenever anything in it is edited, and at the ones here never again.
pub trait Derived: Sized + Send + Sync + 'static {
    /// See [`Described::SCHEMA`].
    const SCHEMA: &'static [Column];

    /// See [`Decode::decode`].
    ///
    /// # Errors
    /// The first field that cannot be read.
    fn decode<S: FieldSource>(source: &mut S) -> Result<Self, FieldError>;

    /// See [`Encode::fields`].
    ///
    /// # Errors
    /// What the caller returns.
    fn fields<D: EachField<Self>>(doing: &mut D) -> Result<(), D::Error>;
}

#[diagnostic::do_not_recommend]
impl<T: Derived> Described for T {
    const SCHEMA: &'static [Column] = <T as Derived>::SCHEMA;
}

#[diagnostic::do_not_recommend]
impl<T: Derived> Decode for T {
    #[inline]
    fn decode<S: FieldSource>(source: &mut S) -> Result<Self, FieldError> {
        <T as Derived>::decode(source)
    }
}

#[diagnostic::do_not_recommend]
impl<T: Derived> Encode for T {
    #[inline]
    fn fields<D: EachField<Self>>(doing: &mut D) -> Result<(), D::Error> {
        <T as Derived>::fields(doing)
    }
}

#[diagnostic::do_not_recommend]
impl<T: Derived> Record for T {
    const COLUMNS: usize = <T as Derived>::SCHEMA.len();
    const KNOWN: &'static [Column] = <T as Derived>::SCHEMA;

    fn to_json(&self, out: &mut Vec<u8>) -> bool {
        write_json(self, out);
        true
    }

    #[inline]
    fn heap_bytes(&self) -> usize {
        heap_bytes(self)
    }
}

/// A type whose columns are known.
pub trait Described {
    /// The columns, in the order of the fields.
    const SCHEMA: &'static [Column];
}

/// A record that can be read from any [`FieldSource`]; written by `#[derive(Record)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be decoded",
    label = "has no generated decoder",
    note = "add `#[derive(Record)]` to `{Self}`",
    note = "for a type that only has serde, use the connector's `serde` entry, such as `csv::read_serde`"
)]
pub trait Decode: Described + Sized {
    /// Reads the fields in the order of the schema.
    ///
    /// # Errors
    /// The first field that cannot be read.
    fn decode<S: FieldSource>(source: &mut S) -> Result<Self, FieldError>;
}

/// A record that can be shown to any [`FieldVisitor`] or [`ColumnVisitor`]; written by
/// `#[derive(Record)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be encoded",
    label = "has no generated encoder",
    note = "add `#[derive(Record)]` to `{Self}`",
    note = "for a type that only has serde, use the connector's `serde` entry, such as `jsonl::create_serde`"
)]
pub trait Encode: Described + Sized {
    /// Names each field, in the order of the schema: what is done with it is the caller's.
    ///
    /// # Errors
    /// What the caller returns.
    fn fields<D: EachField<Self>>(doing: &mut D) -> Result<(), D::Error>;

    /// Shows the fields in the order of the schema.
    ///
    /// # Errors
    /// What the visitor returns.
    #[inline]
    fn encode<V: FieldVisitor>(&self, visitor: &mut V) -> Result<(), V::Error> {
        Self::fields(&mut ShowRecord { record: self, visitor })
    }

    /// Shows whole columns of many records.
    ///
    /// # Errors
    /// What the visitor returns.
    fn encode_columns<V: ColumnVisitor>(records: &[Self], visitor: &mut V) -> Result<(), V::Error> {
        Self::fields(&mut ShowColumns { records, visitor })
    }
}

/// Something that is done with each field of a record `R`, see [`Encode::fields`].
pub trait EachField<R> {
    /// What can go wrong.
    type Error;

    /// Does it with one field: `codec` shows what `get` finds in a record.
    ///
    /// # Errors
    /// What went wrong.
    fn field<F, C: ShowField<F>>(&mut self, column: usize, get: impl Fn(&R) -> &F) -> Result<(), Self::Error>;
}

/// How a field of type `F` is shown: by the type itself ([`Field`](super::Field)), or as text.
pub trait ShowField<F> {
    /// Shows the field.
    ///
    /// # Errors
    /// What the visitor returns.
    fn show_one<V: FieldVisitor>(field: &F, visitor: &mut V, column: usize) -> Result<(), V::Error>;

    /// Shows the field of many records.
    ///
    /// # Errors
    /// What the visitor returns.
    fn show_many<'r, R: 'r, V: ColumnVisitor>(
        records: &'r [R],
        get: impl Fn(&'r R) -> &'r F,
        visitor: &mut V,
        column: usize,
    ) -> Result<(), V::Error>
    where
        F: 'r;
}

struct ShowRecord<'v, R, V> {
    record: &'v R,
    visitor: &'v mut V,
}

impl<R, V: FieldVisitor> EachField<R> for ShowRecord<'_, R, V> {
    type Error = V::Error;

    #[inline]
    fn field<F, C: ShowField<F>>(&mut self, column: usize, get: impl Fn(&R) -> &F) -> Result<(), V::Error> {
        C::show_one(get(self.record), self.visitor, column)
    }
}

struct ShowColumns<'v, R, V> {
    records: &'v [R],
    visitor: &'v mut V,
}

impl<R, V: ColumnVisitor> EachField<R> for ShowColumns<'_, R, V> {
    type Error = V::Error;

    fn field<F, C: ShowField<F>>(&mut self, column: usize, get: impl Fn(&R) -> &F) -> Result<(), V::Error> {
        C::show_many(self.records, get, self.visitor, column)
    }
}
