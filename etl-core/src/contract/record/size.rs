//! What a record owns besides itself, by its own encoder.

use super::codec::{Encode, FieldVisitor};

/// The bytes of all texts and byte strings of `record`: about what it owns on the heap. For records
/// of numbers alone the compiler makes a constant of it.
#[inline]
pub fn heap_bytes<T: Encode>(record: &T) -> usize {
    let mut size = Size(0);
    let Ok(()) = record.encode(&mut size);
    size.0
}

struct Size(usize);

macro_rules! owns_nothing {
    ($($method:ident: $type:ty),*) => { $(
        #[inline]
        fn $method(&mut self, _column: usize, _value: $type) -> Result<(), Self::Error> {
            Ok(())
        }
    )* };
}

impl FieldVisitor for Size {
    type Error = std::convert::Infallible;

    owns_nothing!(boolean: bool, i64: i64, u64: u64, f32: f32, f64: f64);

    #[inline]
    fn null(&mut self, _column: usize) -> Result<(), Self::Error> {
        Ok(())
    }

    #[inline]
    fn text(&mut self, _column: usize, value: &str) -> Result<(), Self::Error> {
        self.0 += value.len();
        Ok(())
    }

    #[inline]
    fn bytes(&mut self, _column: usize, value: &[u8]) -> Result<(), Self::Error> {
        self.0 += value.len();
        Ok(())
    }
}
