//! Types that only have serde, on top of the same two ends that generated codecs use: a record is
//! deserialized from any source of fields and serialized to any visitor of fields.

mod de;
mod ser;

pub(crate) use de::{Any, AnySource, from_fields};
#[cfg(feature = "csv")]
pub(crate) use ser::Fields;
#[cfg(any(feature = "csv", feature = "sqlite"))]
pub(crate) use ser::{Unwritable, fields_of, show};
