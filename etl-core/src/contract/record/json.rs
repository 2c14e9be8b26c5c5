//! A record as one JSON object, by its own encoder.

use std::io::Write;

use super::codec::{Column, Encode, FieldVisitor};

/// Appends `record` to `out` as one JSON object, fields in the order of the schema. Bytes become
/// an array of numbers, and numbers that JSON does not know (`NaN`, infinities) `null`, as in
/// `serde_json`.
pub fn write_json<T: Encode>(record: &T, out: &mut Vec<u8>) {
    let mut writer = Writer { schema: T::SCHEMA, out };
    writer.out.push(b'{');
    let Ok(()) = record.encode(&mut writer);
    writer.out.push(b'}');
}

struct Writer<'o> {
    schema: &'static [Column],
    out: &'o mut Vec<u8>,
}

impl Writer<'_> {
    fn key(&mut self, column: usize) {
        if column > 0 {
            self.out.push(b',');
        }
        self.value(self.schema[column].name);
        self.out.push(b':');
    }

    fn value<T: serde::Serialize + ?Sized>(&mut self, value: &T) {
        // Numbers and texts written to memory have no way to fail.
        let _infallible = serde_json::to_writer(&mut *self.out, value);
    }
}

impl FieldVisitor for Writer<'_> {
    type Error = std::convert::Infallible;

    fn null(&mut self, column: usize) -> Result<(), Self::Error> {
        self.key(column);
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    fn boolean(&mut self, column: usize, value: bool) -> Result<(), Self::Error> {
        self.key(column);
        self.value(&value);
        Ok(())
    }

    fn i64(&mut self, column: usize, value: i64) -> Result<(), Self::Error> {
        self.key(column);
        let _infallible = write!(self.out, "{value}");
        Ok(())
    }

    fn u64(&mut self, column: usize, value: u64) -> Result<(), Self::Error> {
        self.key(column);
        let _infallible = write!(self.out, "{value}");
        Ok(())
    }

    fn f32(&mut self, column: usize, value: f32) -> Result<(), Self::Error> {
        self.key(column);
        self.value(&value);
        Ok(())
    }

    fn f64(&mut self, column: usize, value: f64) -> Result<(), Self::Error> {
        self.key(column);
        self.value(&value);
        Ok(())
    }

    fn text(&mut self, column: usize, value: &str) -> Result<(), Self::Error> {
        self.key(column);
        self.value(value);
        Ok(())
    }

    fn bytes(&mut self, column: usize, value: &[u8]) -> Result<(), Self::Error> {
        self.key(column);
        self.value(value);
        Ok(())
    }
}
