//! What moves through a pipeline.

pub mod codec;
mod field;
mod json;
mod sensitive;
mod size;

pub use codec::{Column, ColumnType, Decode, Described, Encode, FieldError, Problem};
pub use field::Field;
pub use json::write_json;
#[cfg(feature = "cli")]
pub(crate) use sensitive::SECRET_NAME;
pub use sensitive::{MASK, Secret, Sensitive};
pub use size::heap_bytes;

/// A typed record: owned, and free to move between threads.
///
/// `#[derive(Record)]` implements it together with the codecs ([`Decode`], [`Encode`]);
/// `#[derive(SerdeRecord)]` implements it alone, for a type that only has serde. It is not a
/// blanket impl, because the engine tells a record from an `Option`, a `Vec` or a `Result` of
/// records by it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a record",
    label = "not a record",
    note = "a foreign type, such as `String` or a tuple: wrap it in a struct of your own",
    note = "a type of your own: add `#[derive(Record)]` to it, or `#[derive(SerdeRecord)]` if it only has serde"
)]
pub trait Record: Send + Sync + 'static {
    /// How many columns it has; 0 where that is not known.
    const COLUMNS: usize = 0;

    /// Its columns; empty where they are not known. Whoever prints a record masks what is sensitive,
    /// and prints none whose columns are not known.
    const KNOWN: &'static [Column] = &[];

    /// Writes the record as one JSON object: what a dead letter keeps where the source has no
    /// bytes. `false` where the type cannot show itself.
    fn to_json(&self, out: &mut Vec<u8>) -> bool {
        let _ = out;
        false
    }

    /// What it owns besides itself, in bytes: counted against the memory budget where records are
    /// made by the extractor itself. 0 where the type cannot tell.
    fn heap_bytes(&self) -> usize {
        0
    }
}
