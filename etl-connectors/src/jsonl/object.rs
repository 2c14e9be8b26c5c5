//! Writing one record as a JSON object: what `etl_core::record::write_json` writes, with the keys
//! prepared once per file.

use etl_core::record::Column;
use etl_core::record::codec::FieldVisitor;

use super::page::{Page, SHORT, WINDOW, digits, is_plain, piece};

/// What stands before each value.
pub(super) type Keys = Box<[Key]>;

/// A comma, a name, a colon.
pub(super) struct Key {
    /// These and a quote, which a text needs.
    words: [u8; SHORT],
    /// Without the quote.
    length: usize,
    /// All but the quote, where they are too many.
    long: Box<[u8]>,
}

/// The keys of a schema.
pub(super) fn keys(schema: &[Column]) -> Keys {
    let key = |(index, column): (usize, &Column)| {
        let mut text = vec![if index > 0 { b',' } else { b'{' }];
        // Texts written to memory have no way to fail.
        let _infallible = serde_json::to_writer(&mut text, column.name);
        text.push(b':');
        let long = if text.len() < SHORT - 1 { Box::default() } else { std::mem::take(&mut text).into_boxed_slice() };
        let length = text.len();
        text.push(b'"');
        text.resize(SHORT, 0);
        let mut words = [0; SHORT];
        words.copy_from_slice(&text);
        Key { words, length, long }
    };
    schema.iter().enumerate().map(key).collect()
}

/// Appends one object to a page.
pub(super) struct Object<'o> {
    pub(super) page: &'o mut Page,
    pub(super) keys: &'o [Key],
}

impl Object<'_> {
    /// Ends the object and its line.
    #[inline]
    pub(super) fn end(self) {
        if self.keys.is_empty() {
            self.page.push(b"{");
        }
        self.page.push(b"}\n");
    }

    /// Writes a key and what `value` puts behind it: where it begins and ends, in the window.
    #[inline(always)]
    fn short(&mut self, column: usize, value: impl FnOnce(&mut [u8; WINDOW], usize) -> usize) {
        let key = &self.keys[column];
        if !key.long.is_empty() {
            self.page.push(&key.long);
        }
        let window = self.page.window();
        window[..SHORT].copy_from_slice(&key.words);
        let end = value(window, key.length);
        self.page.advance(end);
    }

    /// What has a form of its own in `serde_json`.
    #[inline(never)]
    fn long<T: serde::Serialize + ?Sized>(&mut self, column: usize, value: &T) {
        self.short(column, |_, at| at);
        // Numbers, texts and bytes written to memory have no way to fail.
        let _infallible = serde_json::to_writer(&mut *self.page, value);
    }
}

impl FieldVisitor for Object<'_> {
    type Error = std::convert::Infallible;

    #[inline]
    fn null(&mut self, column: usize) -> Result<(), Self::Error> {
        self.short(column, |window, at| piece(window, at, b"null"));
        Ok(())
    }

    #[inline]
    fn boolean(&mut self, column: usize, value: bool) -> Result<(), Self::Error> {
        self.short(column, |window, at| piece(window, at, if value { b"true" } else { b"false" }));
        Ok(())
    }

    #[inline]
    fn i64(&mut self, column: usize, value: i64) -> Result<(), Self::Error> {
        self.short(column, |window, at| {
            // Is written over if there is none.
            piece(window, at, b"-");
            digits(window, at + usize::from(value < 0), value.unsigned_abs())
        });
        Ok(())
    }

    #[inline]
    fn u64(&mut self, column: usize, value: u64) -> Result<(), Self::Error> {
        self.short(column, |window, at| digits(window, at, value));
        Ok(())
    }

    #[inline]
    fn f32(&mut self, column: usize, value: f32) -> Result<(), Self::Error> {
        if !value.is_finite() {
            return self.null(column);
        }
        self.short(column, |window, at| piece(window, at, zmij::Buffer::new().format_finite(value).as_bytes()));
        Ok(())
    }

    #[inline]
    fn f64(&mut self, column: usize, value: f64) -> Result<(), Self::Error> {
        if !value.is_finite() {
            return self.null(column);
        }
        self.short(column, |window, at| piece(window, at, zmij::Buffer::new().format_finite(value).as_bytes()));
        Ok(())
    }

    #[inline]
    fn text(&mut self, column: usize, value: &str) -> Result<(), Self::Error> {
        let text = value.as_bytes();
        if !is_plain(text) {
            self.long(column, value);
        } else if text.len() < SHORT {
            self.short(column, |window, at| {
                let end = piece(window, at + 1, text);
                window[end % WINDOW] = b'"';
                end + 1
            });
        } else {
            self.short(column, |_, at| at + 1);
            self.page.push(text);
            self.page.push(b"\"");
        }
        Ok(())
    }

    fn bytes(&mut self, column: usize, value: &[u8]) -> Result<(), Self::Error> {
        self.long(column, value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use etl_core::record::ColumnType;
    use proptest::prelude::*;
    use serde_json::to_string;

    use super::*;

    #[derive(Clone, Debug)]
    enum Value {
        Null,
        Boolean(bool),
        Signed(i64),
        Unsigned(u64),
        Single(f32),
        Double(f64),
        Text(String),
        Bytes(Vec<u8>),
    }

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Boolean),
            prop_oneof![any::<i64>(), -20_000..20_000_i64].prop_map(Value::Signed),
            prop_oneof![any::<u64>(), 0..20_000_u64].prop_map(Value::Unsigned),
            any::<u32>().prop_map(|bits| Value::Single(f32::from_bits(bits))),
            prop_oneof![any::<u64>().prop_map(f64::from_bits), (-1e6..1e6_f64).prop_map(f64::trunc)].prop_map(Value::Double),
            prop_oneof!["[a-z]{0,80}", any::<String>(), "[ -~\n\u{7f}\u{e4}]{0,80}"].prop_map(Value::Text),
            prop::collection::vec(any::<u8>(), 0..20).prop_map(Value::Bytes),
        ]
    }

    proptest! {
        /// Whatever the keys and values are, they are what `serde_json` makes of them.
        #[test]
        fn objects_are_those_of_serde_json(
            records in prop::collection::vec(prop::collection::vec(value(), 6), 1..20),
            names in prop::collection::vec(prop_oneof!["[a-z_]{1,100}", "[a-z\"\\\\\n\u{e4}]{1,40}"], 6),
        ) {
            // Schemas are constants.
            let names: Vec<&'static str> = names.into_iter().map(|name| &*name.leak()).collect();
            let column = |name| Column { name, column_type: ColumnType::Text, nullable: true, sensitive: false, optional: false };
            let keys = keys(&names.iter().map(|name| column(name)).collect::<Vec<_>>());
            let (mut page, mut theirs) = (Page::default(), String::new());
            for values in &records {
                let mut object = Object { page: &mut page, keys: &keys };
                let mut fields = Vec::new();
                for (at, value) in values.iter().enumerate() {
                    let (Ok(()), json) = match value {
                        Value::Null => (object.null(at), to_string(&())),
                        Value::Boolean(value) => (object.boolean(at, *value), to_string(value)),
                        Value::Signed(value) => (object.i64(at, *value), to_string(value)),
                        Value::Unsigned(value) => (object.u64(at, *value), to_string(value)),
                        Value::Single(value) => (object.f32(at, *value), to_string(value)),
                        Value::Double(value) => (object.f64(at, *value), to_string(value)),
                        Value::Text(value) => (object.text(at, value), to_string(value)),
                        Value::Bytes(value) => (object.bytes(at, value), to_string(value)),
                    };
                    fields.push(format!("{}:{}", to_string(names[at]).unwrap(), json.unwrap()));
                }
                object.end();
                theirs.push_str(&format!("{{{}}}\n", fields.join(",")));
            }
            prop_assert_eq!(std::str::from_utf8(page.text()).unwrap(), theirs);
        }
    }
}
