//! One JSON object as a source of fields: the values of its columns, and no tree of the rest.

use std::fmt;
use std::ops::Range;

use etl_core::record::codec::FieldSource;
use etl_core::record::{Column, ColumnType, Problem};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The values of one object; filled again and again.
pub(super) struct Slots<'de> {
    schema: &'static [Column],
    values: Vec<Slot<'de>>,
    /// Texts that are not in the line as they stand, because of escapes.
    unescaped: String,
    bytes: Vec<u8>,
}

#[derive(Clone)]
enum Slot<'de> {
    /// Null, or no such key.
    Missing,
    Bool(bool),
    I64(i64),
    U64(u64),
    F64(f64),
    Text(&'de str),
    Unescaped(Range<usize>),
    Bytes(Range<usize>),
    /// An array or an object where no value can be one.
    Nested,
}

impl<'de> Slots<'de> {
    pub(super) fn new(schema: &'static [Column]) -> Self {
        Self { schema, values: Vec::new(), unescaped: String::new(), bytes: Vec::new() }
    }

    /// Takes the values of one object.
    pub(super) fn fill(&mut self, line: &'de [u8]) -> serde_json::Result<()> {
        self.values.clear();
        self.values.resize(self.schema.len(), Slot::Missing);
        self.unescaped.clear();
        self.bytes.clear();
        let mut deserializer = serde_json::Deserializer::from_slice(line);
        (&mut deserializer).deserialize_map(Object(self))?;
        deserializer.end()
    }

    fn slot(&self, column: usize) -> &Slot<'de> {
        self.values.get(column).unwrap_or(&Slot::Missing)
    }
}

struct Object<'s, 'de>(&'s mut Slots<'de>);

impl<'de> Visitor<'de> for Object<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        // Objects of one file tend to have their keys in the same order.
        let mut expected = 0;
        while let Some(column) = map.next_key_seed(Key { schema: self.0.schema, expected })? {
            match column {
                Some(column) => {
                    map.next_value_seed(Value { slots: self.0, column })?;
                    expected = column + 1;
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

struct Key {
    schema: &'static [Column],
    expected: usize,
}

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Option<usize>, E> {
        if self.schema.get(self.expected).is_some_and(|column| column.name == key) {
            return Ok(Some(self.expected));
        }
        Ok(self.schema.iter().position(|column| column.name == key))
    }
}

struct Value<'s, 'de> {
    slots: &'s mut Slots<'de>,
    column: usize,
}

impl<'de> Value<'_, 'de> {
    fn put(self, slot: Slot<'de>) {
        self.slots.values[self.column] = slot;
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.put(Slot::Missing);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.put(Slot::Bool(value));
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.put(Slot::I64(value));
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.put(Slot::U64(value));
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.put(Slot::F64(value));
        Ok(())
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<(), E> {
        self.put(Slot::Text(value));
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        let start = self.slots.unescaped.len();
        self.slots.unescaped.push_str(value);
        let end = self.slots.unescaped.len();
        self.put(Slot::Unescaped(start..end));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        if self.slots.schema[self.column].column_type != ColumnType::Bytes {
            while items.next_element::<IgnoredAny>()?.is_some() {}
            self.put(Slot::Nested);
            return Ok(());
        }
        let start = self.slots.bytes.len();
        let mut nested = false;
        while let Some(byte) = items.next_element_seed(Byte)? {
            match byte {
                Some(byte) => self.slots.bytes.push(byte),
                None => nested = true,
            }
        }
        let end = self.slots.bytes.len();
        self.put(if nested { Slot::Nested } else { Slot::Bytes(start..end) });
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        self.put(Slot::Nested);
        Ok(())
    }
}

/// One item of an array of bytes; `None` for anything else.
struct Byte;

impl<'de> DeserializeSeed<'de> for Byte {
    type Value = Option<u8>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<u8>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Byte {
    type Value = Option<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a byte")
    }

    fn visit_u64<E>(self, value: u64) -> Result<Option<u8>, E> {
        Ok(u8::try_from(value).ok())
    }

    fn visit_i64<E>(self, _value: i64) -> Result<Option<u8>, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _value: f64) -> Result<Option<u8>, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _value: bool) -> Result<Option<u8>, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Option<u8>, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _value: &str) -> Result<Option<u8>, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Option<u8>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<u8>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

impl FieldSource for Slots<'_> {
    fn null(&mut self, column: usize) -> bool {
        matches!(self.slot(column), Slot::Missing)
    }

    fn boolean(&mut self, column: usize) -> Result<bool, Problem> {
        match self.slot(column) {
            Slot::Bool(value) => Ok(*value),
            Slot::Missing => Err(Problem::Missing),
            _ => Err(Problem::NotA(ColumnType::Bool)),
        }
    }

    fn i64(&mut self, column: usize) -> Result<i64, Problem> {
        match self.slot(column) {
            Slot::I64(value) => Ok(*value),
            Slot::U64(value) => i64::try_from(*value).map_err(|_| Problem::OutOfRange(ColumnType::I64)),
            Slot::Missing => Err(Problem::Missing),
            slot => Err(not_whole(slot, ColumnType::I64)),
        }
    }

    fn u64(&mut self, column: usize) -> Result<u64, Problem> {
        match self.slot(column) {
            Slot::U64(value) => Ok(*value),
            Slot::I64(value) => u64::try_from(*value).map_err(|_| Problem::OutOfRange(ColumnType::U64)),
            Slot::Missing => Err(Problem::Missing),
            slot => Err(not_whole(slot, ColumnType::U64)),
        }
    }

    fn f32(&mut self, column: usize) -> Result<f32, Problem> {
        let wide = self.f64(column).map_err(|problem| match problem {
            Problem::NotA(_) => Problem::NotA(ColumnType::F32),
            other => other,
        })?;
        let narrow = wide as f32;
        if narrow.is_infinite() { Err(Problem::OutOfRange(ColumnType::F32)) } else { Ok(narrow) }
    }

    fn f64(&mut self, column: usize) -> Result<f64, Problem> {
        match self.slot(column) {
            Slot::F64(value) => Ok(*value),
            // JSON has one kind of number: the nearest one, as for a fraction.
            Slot::U64(value) => Ok(*value as f64),
            Slot::I64(value) => Ok(*value as f64),
            Slot::Missing => Err(Problem::Missing),
            _ => Err(Problem::NotA(ColumnType::F64)),
        }
    }

    fn text(&mut self, column: usize) -> Result<&str, Problem> {
        match self.slot(column) {
            Slot::Text(text) => Ok(text),
            Slot::Unescaped(range) => Ok(&self.unescaped[range.clone()]),
            Slot::Missing => Err(Problem::Missing),
            _ => Err(Problem::NotA(ColumnType::Text)),
        }
    }

    fn bytes(&mut self, column: usize) -> Result<&[u8], Problem> {
        match self.slot(column) {
            Slot::Bytes(range) => Ok(&self.bytes[range.clone()]),
            Slot::Missing => Err(Problem::Missing),
            _ => Err(Problem::NotA(ColumnType::Bytes)),
        }
    }
}

/// 2^63: whole numbers below have a slot of their own.
const TOO_MANY_DIGITS: f64 = 9_223_372_036_854_775_808.0;

/// What is wrong with a value that is no whole number. One with too many digits comes as a float.
fn not_whole(slot: &Slot<'_>, wanted: ColumnType) -> Problem {
    match slot {
        Slot::F64(value) if value.fract() == 0.0 && value.abs() >= TOO_MANY_DIGITS => Problem::OutOfRange(wanted),
        _ => Problem::NotA(wanted),
    }
}
