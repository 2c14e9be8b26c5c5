//! Deserializing a record from a source of fields.

use std::borrow::Cow;
use std::fmt;

use etl_core::record::Problem;
use etl_core::record::codec::FieldSource;
use serde::Deserializer;
use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, MapAccess, Visitor};

/// A source of fields that also knows what it holds, for types that do not say what they want.
pub(crate) trait AnySource: FieldSource {
    /// The value of a column, whatever it is.
    fn any(&mut self, column: usize) -> Result<Any<'_>, Problem>;
}

/// A value of any type.
#[allow(dead_code, reason = "not every format has every type")]
pub(crate) enum Any<'a> {
    Null,
    Bool(bool),
    I64(i64),
    U64(u64),
    F64(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// Reads a record whose fields are named like the columns of `source`.
pub(crate) fn from_fields<T: DeserializeOwned, S: AnySource>(source: &mut S, names: &[Box<str>]) -> Result<T, Refusal> {
    let mut record = Record { source, names, fields: &[], column: 0 };
    let result = T::deserialize(&mut record);
    let (fields, column) = (record.fields, record.column);
    result.map_err(|error| error.refusal(names, fields, column))
}

/// Why a record could not be read; never quotes a value.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// `ragged`, `not_utf8`, `field`: as in `Malformed`.
    pub(crate) code: &'static str,
    /// The column, if the type names it.
    pub(crate) column: Option<&'static str>,
    pub(crate) message: Cow<'static, str>,
}

/// The error inside of serde: what types say with values in it is dropped where it is said.
#[derive(Debug)]
enum Wrong {
    /// The value at hand.
    Problem(Problem),
    /// The type refused a value, or the record as a whole.
    Refused,
    /// No column has the name of this field.
    NoColumn(&'static str),
    /// The type is not a struct of plain values.
    Shape,
}

impl Wrong {
    fn refusal(self, names: &[Box<str>], fields: &'static [&'static str], column: usize) -> Refusal {
        let named = names.get(column).and_then(|name| fields.iter().find(|field| ***field == **name)).copied();
        let at = |problem: Problem| Refusal {
            code: if problem == Problem::NotUtf8 { "not_utf8" } else { "field" },
            column: named,
            message: match named {
                Some(name) => Cow::Owned(format!("column `{name}` {problem}")),
                // A name that only the file knows may be a value, where a header was forgotten (I8).
                None if column < names.len() => Cow::Owned(format!("column {} {problem}", column + 1)),
                None => Cow::Borrowed("the record is not in the form that its type expects"),
            },
        };
        match self {
            Self::Problem(problem) => at(problem),
            Self::Refused => at(Problem::Refused),
            Self::NoColumn(field) => {
                Refusal { code: "field", column: Some(field), message: Cow::Owned(format!("there is no column `{field}`")) }
            }
            Self::Shape => Refusal {
                code: "field",
                column: None,
                message: Cow::Borrowed("the record's type is not a struct whose fields are plain values"),
            },
        }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value was refused")
    }
}

impl std::error::Error for Wrong {}

impl de::Error for Wrong {
    fn custom<T: fmt::Display>(_quotes_perhaps: T) -> Self {
        Self::Refused
    }

    fn invalid_type(_unexpected: de::Unexpected<'_>, _expected: &dyn de::Expected) -> Self {
        Self::Refused
    }

    fn invalid_value(_unexpected: de::Unexpected<'_>, _expected: &dyn de::Expected) -> Self {
        Self::Refused
    }

    fn missing_field(field: &'static str) -> Self {
        Self::NoColumn(field)
    }
}

struct Record<'a, S> {
    source: &'a mut S,
    names: &'a [Box<str>],
    fields: &'static [&'static str],
    /// The column at hand; past the last one where the record as a whole is at fault.
    column: usize,
}

impl<'de, S: AnySource> Deserializer<'de> for &mut Record<'_, S> {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_map(Columns { record: self, next: 0 })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.fields = fields;
        self.deserialize_any(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.deserialize_any(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], _: V) -> Result<V::Value, Wrong> {
        Err(Wrong::Shape)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct seq tuple tuple_struct identifier ignored_any
    }
}

struct Columns<'r, 'a, S> {
    record: &'r mut Record<'a, S>,
    next: usize,
}

impl<'de, S: AnySource> MapAccess<'de> for Columns<'_, '_, S> {
    type Error = Wrong;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Wrong> {
        self.record.column = self.next;
        let Some(name) = self.record.names.get(self.next) else { return Ok(None) };
        let name: StrDeserializer<'_, Wrong> = (**name).into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Wrong> {
        let column = self.next;
        self.next += 1;
        seed.deserialize(Value { source: &mut *self.record.source, column })
    }
}

struct Value<'a, S> {
    source: &'a mut S,
    column: usize,
}

macro_rules! signed {
    ($($method:ident)*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
            visitor.visit_i64(self.source.i64(self.column).map_err(Wrong::Problem)?)
        }
    )* };
}

macro_rules! unsigned {
    ($($method:ident)*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
            visitor.visit_u64(self.source.u64(self.column).map_err(Wrong::Problem)?)
        }
    )* };
}

macro_rules! text {
    ($($method:ident)*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
            visitor.visit_str(self.source.text(self.column).map_err(Wrong::Problem)?)
        }
    )* };
}

macro_rules! nested {
    ($($method:ident($($argument:ty),*))*) => { $(
        fn $method<V: Visitor<'de>>(self, $(_: $argument,)* _visitor: V) -> Result<V::Value, Wrong> {
            Err(Wrong::Shape)
        }
    )* };
}

impl<'de, S: AnySource> Deserializer<'de> for Value<'_, S> {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.source.any(self.column).map_err(Wrong::Problem)? {
            Any::Null => visitor.visit_unit(),
            Any::Bool(value) => visitor.visit_bool(value),
            Any::I64(value) => visitor.visit_i64(value),
            Any::U64(value) => visitor.visit_u64(value),
            Any::F64(value) => visitor.visit_f64(value),
            Any::Text(value) => visitor.visit_str(value),
            Any::Bytes(value) => visitor.visit_bytes(value),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_bool(self.source.boolean(self.column).map_err(Wrong::Problem)?)
    }

    signed! { deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128 }
    unsigned! { deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 }
    text! { deserialize_char deserialize_str deserialize_string deserialize_identifier }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_f32(self.source.f32(self.column).map_err(Wrong::Problem)?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_f64(self.source.f64(self.column).map_err(Wrong::Problem)?)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_bytes(self.source.bytes(self.column).map_err(Wrong::Problem)?)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        if self.source.null(self.column) { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        if self.source.null(self.column) { visitor.visit_unit() } else { Err(Wrong::Refused) }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Wrong> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_newtype_struct(self)
    }

    /// The name of a variant.
    fn deserialize_enum<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, Wrong> {
        let name: StrDeserializer<'_, Wrong> = self.source.text(self.column).map_err(Wrong::Problem)?.into_deserializer();
        visitor.visit_enum(name)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_unit()
    }

    /// Bytes, for a `Vec<u8>` that does not say so.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        let bytes = self.source.bytes(self.column).map_err(Wrong::Problem)?;
        visitor.visit_seq(de::value::SeqDeserializer::new(bytes.iter().copied()))
    }

    nested! {
        deserialize_tuple(usize)
        deserialize_tuple_struct(&'static str, usize)
        deserialize_map()
        deserialize_struct(&'static str, &'static [&'static str])
    }
}
