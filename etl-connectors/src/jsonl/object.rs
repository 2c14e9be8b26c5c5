//! Writing one record as a JSON object: what `etl_core::record::write_json` writes, with the keys
//! prepared once per file.

use etl_core::record::Column;
use etl_core::record::codec::FieldVisitor;

use crate::files::{push_i64, push_u64};

/// What stands before each value: a comma, the key, a colon.
pub(super) type Keys = Box<[Box<[u8]>]>;

/// The keys of a schema.
pub(super) fn keys(schema: &[Column]) -> Keys {
    let key = |(index, column): (usize, &Column)| {
        let mut key = if index > 0 { vec![b','] } else { vec![b'{'] };
        text(&mut key, column.name);
        key.push(b':');
        key.into_boxed_slice()
    };
    schema.iter().enumerate().map(key).collect()
}

/// Appends one object to a buffer.
pub(super) struct Object<'o> {
    pub(super) out: &'o mut Vec<u8>,
    pub(super) keys: &'o Keys,
}

impl Object<'_> {
    /// Ends the object and its line.
    pub(super) fn end(self) {
        if self.keys.is_empty() {
            self.out.push(b'{');
        }
        self.out.extend_from_slice(b"}\n");
    }

    #[inline]
    fn key(&mut self, column: usize) {
        self.out.extend_from_slice(&self.keys[column]);
    }

    /// What has a form of its own in `serde_json`.
    fn value<T: serde::Serialize + ?Sized>(&mut self, column: usize, value: &T) {
        self.key(column);
        // Numbers and bytes written to memory have no way to fail.
        let _infallible = serde_json::to_writer(&mut *self.out, value);
    }
}

impl FieldVisitor for Object<'_> {
    type Error = std::convert::Infallible;

    fn null(&mut self, column: usize) -> Result<(), Self::Error> {
        self.key(column);
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    fn boolean(&mut self, column: usize, value: bool) -> Result<(), Self::Error> {
        self.key(column);
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn i64(&mut self, column: usize, value: i64) -> Result<(), Self::Error> {
        self.key(column);
        push_i64(self.out, value);
        Ok(())
    }

    fn u64(&mut self, column: usize, value: u64) -> Result<(), Self::Error> {
        self.key(column);
        push_u64(self.out, value);
        Ok(())
    }

    fn f32(&mut self, column: usize, value: f32) -> Result<(), Self::Error> {
        self.value(column, &value);
        Ok(())
    }

    fn f64(&mut self, column: usize, value: f64) -> Result<(), Self::Error> {
        self.value(column, &value);
        Ok(())
    }

    fn text(&mut self, column: usize, value: &str) -> Result<(), Self::Error> {
        self.key(column);
        text(self.out, value);
        Ok(())
    }

    fn bytes(&mut self, column: usize, value: &[u8]) -> Result<(), Self::Error> {
        self.value(column, value);
        Ok(())
    }
}

/// Appends a text with its quotes. Most texts have nothing to escape.
fn text(out: &mut Vec<u8>, text: &str) {
    if text.bytes().any(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        // Texts written to memory have no way to fail.
        let _infallible = serde_json::to_writer(&mut *out, text);
        return;
    }
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}
