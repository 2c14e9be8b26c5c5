//! Serializing a record to a visitor of fields.
#![cfg(any(feature = "csv", feature = "sqlite"))]

use std::fmt::{self, Display};

use etl_core::record::ColumnType;
use etl_core::record::codec::FieldVisitor;
use serde::ser::{self, Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, Serializer};

/// The fields of a record: names in their order, and types as far as the values show them.
pub(crate) type Fields = Vec<(Box<str>, Option<ColumnType>)>;

/// Why a record cannot be written; never quotes a value.
#[derive(Debug)]
pub(crate) enum Unwritable<E> {
    /// What the visitor says.
    Refused(E),
    /// The record is no struct of plain values; the field, where there is one.
    Nested(Option<Box<str>>),
    /// A field that the first record did not have.
    Unknown(Box<str>),
    /// The type's own serializer gave up.
    Own,
}

impl<E> Unwritable<E> {
    /// What is wrong, in words.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Refused(_) => "a value was refused".to_owned(),
            Self::Nested(None) => "the record is not a struct whose fields are plain values".to_owned(),
            Self::Nested(Some(field)) => format!("field `{field}` is not a plain value"),
            Self::Unknown(field) => format!("field `{field}` is not one of the first record's fields, or not in their order"),
            Self::Own => "the record's type refused to be serialized".to_owned(),
        }
    }
}

/// The fields of a record, to make a header or a table from.
pub(crate) fn fields_of<T: Serialize>(record: &T) -> Result<Fields, Unwritable<std::convert::Infallible>> {
    let mut types = Types(Vec::new());
    let mut names = Vec::new();
    let row = Row { visitor: &mut types, names: Names::Learn(&mut names), next: 0, failed: None };
    row.write(record)?;
    Ok(names.into_iter().zip(types.0).collect())
}

/// Shows the fields of `record` in the order of `fields`; those that it leaves out are null.
pub(crate) fn show<T: Serialize, V: FieldVisitor>(record: &T, fields: &Fields, visitor: &mut V) -> Result<(), Unwritable<V::Error>> {
    Row { visitor, names: Names::Known(fields), next: 0, failed: None }.write(record)
}

enum Names<'a> {
    Learn(&'a mut Vec<Box<str>>),
    Known(&'a Fields),
}

struct Row<'a, V: FieldVisitor> {
    visitor: &'a mut V,
    names: Names<'a>,
    next: usize,
    failed: Option<Unwritable<V::Error>>,
}

impl<V: FieldVisitor> Row<'_, V> {
    fn write<T: Serialize>(mut self, record: &T) -> Result<(), Unwritable<V::Error>> {
        if record.serialize(&mut self).is_err() {
            return Err(self.failed.unwrap_or(Unwritable::Own));
        }
        match self.names {
            Names::Learn(_) => Ok(()),
            Names::Known(fields) => (self.next..fields.len()).try_for_each(|column| self.visitor.null(column)).map_err(Unwritable::Refused),
        }
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Stop> {
        match &mut self.names {
            Names::Learn(names) => names.push(name.into()),
            Names::Known(fields) => {
                let Some(skipped) = fields[self.next..].iter().position(|(known, _)| **known == *name) else {
                    return self.fail(Unwritable::Unknown(name.into()));
                };
                for column in self.next..self.next + skipped {
                    let shown = self.visitor.null(column);
                    self.shown(shown)?;
                }
                self.next += skipped;
            }
        }
        let column = self.next;
        self.next += 1;
        value.serialize(Value { row: self, column, name })
    }

    fn shown(&mut self, result: Result<(), V::Error>) -> Result<(), Stop> {
        result.or_else(|error| self.fail(Unwritable::Refused(error)))
    }

    fn fail<T>(&mut self, why: Unwritable<V::Error>) -> Result<T, Stop> {
        self.failed.get_or_insert(why);
        Err(Stop)
    }
}

/// The error inside of serde; why is kept in the row.
#[derive(Debug)]
struct Stop;

impl Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record cannot be written")
    }
}

impl std::error::Error for Stop {}

impl ser::Error for Stop {
    fn custom<T: Display>(_quotes_perhaps: T) -> Self {
        Self
    }
}

macro_rules! refuse {
    ($($method:ident($($argument:ty),*))*) => { $(
        fn $method(self, $(_: $argument),*) -> Result<(), Stop> {
            self.nested()
        }
    )* };
}

macro_rules! refuse_compound {
    ($($method:ident($($argument:ty),*) -> $compound:ident;)*) => { $(
        fn $method(self, $(_: $argument),*) -> Result<Self::$compound, Stop> {
            self.nested()
        }
    )* };
}

impl<V: FieldVisitor> Row<'_, V> {
    fn nested<T>(&mut self) -> Result<T, Stop> {
        self.fail(Unwritable::Nested(None))
    }
}

impl<V: FieldVisitor> Serializer for &mut Row<'_, V> {
    type Ok = ();
    type Error = Stop;
    type SerializeSeq = Impossible<(), Stop>;
    type SerializeTuple = Impossible<(), Stop>;
    type SerializeTupleStruct = Impossible<(), Stop>;
    type SerializeTupleVariant = Impossible<(), Stop>;
    type SerializeMap = Entries<Self>;
    type SerializeStruct = Self;
    type SerializeStructVariant = Impossible<(), Stop>;

    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Self, Stop> {
        Ok(self)
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Entries<Self>, Stop> {
        Ok(Entries { row: self, key: String::new() })
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _name: &'static str, value: &T) -> Result<(), Stop> {
        value.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Stop> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(self, _: &'static str, _: u32, _: &'static str, _: &T) -> Result<(), Stop> {
        self.nested()
    }

    refuse! {
        serialize_bool(bool) serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64) serialize_f32(f32) serialize_f64(f64)
        serialize_char(char) serialize_str(&str) serialize_bytes(&[u8]) serialize_none() serialize_unit()
        serialize_unit_struct(&'static str) serialize_unit_variant(&'static str, u32, &'static str)
    }
    refuse_compound! {
        serialize_seq(Option<usize>) -> SerializeSeq;
        serialize_tuple(usize) -> SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> SerializeTupleVariant;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> SerializeStructVariant;
    }
}

impl<V: FieldVisitor> SerializeStruct for &mut Row<'_, V> {
    type Ok = ();
    type Error = Stop;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Stop> {
        self.field(key, value)
    }

    fn end(self) -> Result<(), Stop> {
        Ok(())
    }
}

/// A struct that flattens another, or a map.
struct Entries<R> {
    row: R,
    key: String,
}

impl<V: FieldVisitor> SerializeMap for Entries<&mut Row<'_, V>> {
    type Ok = ();
    type Error = Stop;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Stop> {
        // The key's own form: only a plain text displays as itself.
        match serde_json::to_value(key) {
            Ok(serde_json::Value::String(key)) => self.key = key,
            _ => return self.row.nested(),
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        self.row.field(&self.key, value)
    }

    fn end(self) -> Result<(), Stop> {
        Ok(())
    }
}

struct Value<'r, 'a, 'n, V: FieldVisitor> {
    row: &'r mut Row<'a, V>,
    column: usize,
    name: &'n str,
}

impl<V: FieldVisitor> Value<'_, '_, '_, V> {
    fn nested<T>(self) -> Result<T, Stop> {
        let name = self.name.into();
        self.row.fail(Unwritable::Nested(Some(name)))
    }
}

macro_rules! plain {
    ($($method:ident($type:ty) -> $show:ident;)*) => { $(
        fn $method(self, value: $type) -> Result<(), Stop> {
            let shown = self.row.visitor.$show(self.column, value.into());
            self.row.shown(shown)
        }
    )* };
}

impl<V: FieldVisitor> Serializer for Value<'_, '_, '_, V> {
    type Ok = ();
    type Error = Stop;
    type SerializeSeq = Bytes<Self>;
    type SerializeTuple = Impossible<(), Stop>;
    type SerializeTupleStruct = Impossible<(), Stop>;
    type SerializeTupleVariant = Impossible<(), Stop>;
    type SerializeMap = Impossible<(), Stop>;
    type SerializeStruct = Impossible<(), Stop>;
    type SerializeStructVariant = Impossible<(), Stop>;

    plain! {
        serialize_bool(bool) -> boolean;
        serialize_i8(i8) -> i64;
        serialize_i16(i16) -> i64;
        serialize_i32(i32) -> i64;
        serialize_i64(i64) -> i64;
        serialize_u8(u8) -> u64;
        serialize_u16(u16) -> u64;
        serialize_u32(u32) -> u64;
        serialize_u64(u64) -> u64;
        serialize_f32(f32) -> f32;
        serialize_f64(f64) -> f64;
        serialize_str(&str) -> text;
        serialize_bytes(&[u8]) -> bytes;
    }

    fn serialize_char(self, value: char) -> Result<(), Stop> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_none(self) -> Result<(), Stop> {
        let shown = self.row.visitor.null(self.column);
        self.row.shown(shown)
    }

    fn serialize_unit(self) -> Result<(), Stop> {
        self.serialize_none()
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Stop> {
        self.serialize_none()
    }

    fn serialize_unit_variant(self, _name: &'static str, _index: u32, variant: &'static str) -> Result<(), Stop> {
        self.serialize_str(variant)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Stop> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _name: &'static str, value: &T) -> Result<(), Stop> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(self, _: &'static str, _: u32, _: &'static str, _: &T) -> Result<(), Stop> {
        self.nested()
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Bytes<Self>, Stop> {
        Ok(Bytes { value: self, bytes: Vec::with_capacity(length.unwrap_or(0).min(1 << 20)) })
    }

    refuse_compound! {
        serialize_tuple(usize) -> SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> SerializeTupleVariant;
        serialize_map(Option<usize>) -> SerializeMap;
        serialize_struct(&'static str, usize) -> SerializeStruct;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> SerializeStructVariant;
    }
}

/// A `Vec<u8>` that does not say it is bytes.
struct Bytes<V> {
    value: V,
    bytes: Vec<u8>,
}

impl<V: FieldVisitor> SerializeSeq for Bytes<Value<'_, '_, '_, V>> {
    type Ok = ();
    type Error = Stop;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, element: &T) -> Result<(), Stop> {
        let byte = serde_json::to_value(element).ok().and_then(|number| u8::try_from(number.as_u64()?).ok());
        match byte {
            Some(byte) => self.bytes.push(byte),
            None => return self.value.row.fail(Unwritable::Nested(Some(self.value.name.into()))),
        }
        Ok(())
    }

    fn end(self) -> Result<(), Stop> {
        self.value.serialize_bytes(&self.bytes)
    }
}

/// Notes the type of each value.
struct Types(Vec<Option<ColumnType>>);

macro_rules! noted {
    ($($method:ident($type:ty) $column:expr;)*) => { $(
        fn $method(&mut self, _column: usize, _value: $type) -> Result<(), Self::Error> {
            self.0.push($column);
            Ok(())
        }
    )* };
}

impl FieldVisitor for Types {
    type Error = std::convert::Infallible;

    fn null(&mut self, _column: usize) -> Result<(), Self::Error> {
        self.0.push(None);
        Ok(())
    }

    noted! {
        boolean(bool) Some(ColumnType::Bool);
        i64(i64) Some(ColumnType::I64);
        u64(u64) Some(ColumnType::U64);
        f32(f32) Some(ColumnType::F32);
        f64(f64) Some(ColumnType::F64);
        text(&str) Some(ColumnType::Text);
        bytes(&[u8]) Some(ColumnType::Bytes);
    }
}
