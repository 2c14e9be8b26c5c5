//! The types that can be a field of a record.

use compact_str::CompactString;

use super::codec::{Column, ColumnType, ColumnVisitor, EachField, FieldError, FieldSource, FieldVisitor, Problem, ShowField};
use super::sensitive::Sensitive;

/// A type that can be a field of a record.
///
/// For a type of your own that has `FromStr` and `Display` (a date, an id), write `#[record(text)]`
/// on the field instead of implementing this.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of a record",
    label = "no column type for `{Self}`",
    note = "fields are `bool`, integers, floats, `String`, `CompactString`, `Vec<u8>`, and `Option` or `Sensitive` of these",
    note = "`usize` and `isize` differ from machine to machine: write `u64` or `i64`",
    note = "a type that has `FromStr` and `Display` can stand under `#[record(text)]`"
)]
pub trait Field: Sized {
    /// The column's type.
    const TYPE: ColumnType;
    /// Whether a value may be missing.
    const NULLABLE: bool = false;
    /// Whether a value is masked wherever it is shown to people.
    const SENSITIVE: bool = false;
    /// A column of this type that has no name yet.
    const COLUMN: Column =
        Column { name: "", column_type: Self::TYPE, nullable: Self::NULLABLE, sensitive: Self::SENSITIVE, optional: false };

    /// Reads the field of this name.
    ///
    /// # Errors
    /// What is wrong with the value, and the name.
    #[inline]
    fn read_named<S: FieldSource>(source: &mut S, column: usize, name: &'static str) -> Result<Self, FieldError> {
        Self::read(source, column).map_err(|problem| FieldError { column: name, problem })
    }

    /// Reads the field of this name; where it has no value, its type's default.
    ///
    /// # Errors
    /// What is wrong with the value, and the name.
    #[inline]
    fn read_or_default<S: FieldSource>(source: &mut S, column: usize, name: &'static str) -> Result<Self, FieldError>
    where
        Self: Default,
    {
        if source.null(column) { Ok(Self::default()) } else { Self::read_named(source, column, name) }
    }

    /// Does something with the field, see [`Encode::fields`](super::Encode::fields).
    ///
    /// # Errors
    /// What is done returns.
    #[inline]
    fn each<R, D: EachField<R>>(doing: &mut D, column: usize, get: impl Fn(&R) -> &Self) -> Result<(), D::Error> {
        doing.field::<Self, Itself>(column, get)
    }

    /// Reads the field.
    ///
    /// # Errors
    /// What is wrong with the value.
    fn read<S: FieldSource>(source: &mut S, column: usize) -> Result<Self, Problem>;

    /// Shows the field.
    ///
    /// # Errors
    /// What the visitor returns.
    fn show<V: FieldVisitor>(&self, visitor: &mut V, column: usize) -> Result<(), V::Error>;

    /// Shows the field of many records; `get` picks it, `None` is a missing value.
    ///
    /// # Errors
    /// What the visitor returns.
    fn show_column<'r, R: 'r, V: ColumnVisitor>(
        records: &'r [R],
        get: impl Fn(&'r R) -> Option<&'r Self>,
        visitor: &mut V,
        column: usize,
    ) -> Result<(), V::Error>
    where
        Self: 'r;
}

/// A field is shown by its own type.
enum Itself {}

impl<F: Field> ShowField<F> for Itself {
    #[inline]
    fn show_one<V: FieldVisitor>(field: &F, visitor: &mut V, column: usize) -> Result<(), V::Error> {
        field.show(visitor, column)
    }

    fn show_many<'r, R: 'r, V: ColumnVisitor>(
        records: &'r [R],
        get: impl Fn(&'r R) -> &'r F,
        visitor: &mut V,
        column: usize,
    ) -> Result<(), V::Error>
    where
        F: 'r,
    {
        F::show_column(records, |record| Some(get(record)), visitor, column)
    }
}

macro_rules! same_width {
    ($($type:ty, $column:ident, $one:ident, $many:ident);* $(;)?) => { $(
        impl Field for $type {
            const TYPE: ColumnType = ColumnType::$column;

            #[inline]
            fn read<S: FieldSource>(source: &mut S, column: usize) -> Result<Self, Problem> {
                source.$one(column)
            }

            #[inline]
            fn show<V: FieldVisitor>(&self, visitor: &mut V, column: usize) -> Result<(), V::Error> {
                visitor.$one(column, *self)
            }

            fn show_column<'r, R: 'r, V: ColumnVisitor>(
                records: &'r [R],
                get: impl Fn(&'r R) -> Option<&'r Self>,
                visitor: &mut V,
                column: usize,
            ) -> Result<(), V::Error> {
                visitor.$many(column, records.iter().map(|record| get(record).copied()))
            }
        }
    )* };
}

same_width!(
    bool, Bool, boolean, booleans;
    i64, I64, i64, i64s;
    u64, U64, u64, u64s;
    f32, F32, f32, f32s;
    f64, F64, f64, f64s;
);

macro_rules! narrowed {
    ($($type:ty, $column:ident, $wide:ty, $one:ident, $many:ident);* $(;)?) => { $(
        impl Field for $type {
            const TYPE: ColumnType = ColumnType::$column;

            #[inline]
            fn read<S: FieldSource>(source: &mut S, column: usize) -> Result<Self, Problem> {
                source
                    .$one(column)
                    .map_err(|problem| match problem {
                        Problem::NotA(_) => Problem::NotA(Self::TYPE),
                        Problem::OutOfRange(_) => Problem::OutOfRange(Self::TYPE),
                        other => other,
                    })
                    .and_then(|wide| Self::try_from(wide).map_err(|_| Problem::OutOfRange(Self::TYPE)))
            }

            #[inline]
            fn show<V: FieldVisitor>(&self, visitor: &mut V, column: usize) -> Result<(), V::Error> {
                visitor.$one(column, <$wide>::from(*self))
            }

            fn show_column<'r, R: 'r, V: ColumnVisitor>(
                records: &'r [R],
                get: impl Fn(&'r R) -> Option<&'r Self>,
                visitor: &mut V,
                column: usize,
            ) -> Result<(), V::Error> {
                visitor.$many(column, records.iter().map(|record| get(record).copied().map(<$wide>::from)))
            }
        }
    )* };
}

narrowed!(
    i8, I8, i64, i64, i64s;
    i16, I16, i64, i64, i64s;
    i32, I32, i64, i64, i64s;
    u8, U8, u64, u64, u64s;
    u16, U16, u64, u64, u64s;
    u32, U32, u64, u64, u64s;
);

macro_rules! text {
    ($($type:ty),*) => { $(
        impl Field for $type {
            const TYPE: ColumnType = ColumnType::Text;

            #[inline]
            fn read<S: FieldSource>(source: &mut S, column: usize) -> Result<Self, Problem> {
                source.text(column).map(Self::from)
            }

            #[inline]
            fn show<V: FieldVisitor>(&self, visitor: &mut V, column: usize) -> Result<(), V::Error> {
                visitor.text(column, self)
            }

            fn show_column<'r, R: 'r, V: ColumnVisitor>(
                records: &'r [R],
                get: impl Fn(&'r R) -> Option<&'r Self>,
                visitor: &mut V,
                column: usize,
            ) -> Result<(), V::Error> {
                visitor.texts(column, records.iter().map(|record| get(record).map(|text| -> &str { text })))
            }
        }
    )* };
}

text!(String, CompactString, Box<str>);

impl Field for Vec<u8> {
    const TYPE: ColumnType = ColumnType::Bytes;

    fn read<S: FieldSource>(source: &mut S, column: usize) -> Result<Self, Problem> {
        source.bytes(column).map(<[u8]>::to_vec)
    }

    fn show<V: FieldVisitor>(&self, visitor: &mut V, column: usize) -> Result<(), V::Error> {
        visitor.bytes(column, self)
    }

    fn show_column<'r, R: 'r, V: ColumnVisitor>(
        records: &'r [R],
        get: impl Fn(&'r R) -> Option<&'r Self>,
        visitor: &mut V,
        column: usize,
    ) -> Result<(), V::Error> {
        visitor.byte_strings(column, records.iter().map(|record| get(record).map(Vec::as_slice)))
    }
}

impl<F: Field> Field for Option<F> {
    const TYPE: ColumnType = F::TYPE;
    const NULLABLE: bool = true;
    const SENSITIVE: bool = F::SENSITIVE;

    #[inline]
    fn read<S: FieldSource>(source: &mut S, column: usize) -> Result<Self, Problem> {
        if source.null(column) { Ok(None) } else { F::read(source, column).map(Some) }
    }

    #[inline]
    fn show<V: FieldVisitor>(&self, visitor: &mut V, column: usize) -> Result<(), V::Error> {
        match self {
            Some(field) => field.show(visitor, column),
            None => visitor.null(column),
        }
    }

    fn show_column<'r, R: 'r, V: ColumnVisitor>(
        records: &'r [R],
        get: impl Fn(&'r R) -> Option<&'r Self>,
        visitor: &mut V,
        column: usize,
    ) -> Result<(), V::Error>
    where
        Self: 'r,
    {
        F::show_column(records, |record| get(record).and_then(Option::as_ref), visitor, column)
    }
}

impl<F: Field> Field for Sensitive<F> {
    const TYPE: ColumnType = F::TYPE;
    const NULLABLE: bool = F::NULLABLE;
    const SENSITIVE: bool = true;

    #[inline]
    fn read<S: FieldSource>(source: &mut S, column: usize) -> Result<Self, Problem> {
        F::read(source, column).map(Self::new)
    }

    #[inline]
    fn show<V: FieldVisitor>(&self, visitor: &mut V, column: usize) -> Result<(), V::Error> {
        self.reveal().show(visitor, column)
    }

    fn show_column<'r, R: 'r, V: ColumnVisitor>(
        records: &'r [R],
        get: impl Fn(&'r R) -> Option<&'r Self>,
        visitor: &mut V,
        column: usize,
    ) -> Result<(), V::Error>
    where
        Self: 'r,
    {
        F::show_column(records, |record| get(record).map(Self::reveal), visitor, column)
    }
}
