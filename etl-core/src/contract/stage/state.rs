//! What a stage keeps between calls, and how that is written into a checkpoint.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::contract::error::{Error, ErrorKind, Result};

/// What a stage keeps between calls. It begins as its `Default`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the state of a stage",
    label = "has no first value",
    note = "state begins as `{Self}::default()`: derive or implement `Default` for `{Self}`",
    note = "a resource is shared, not kept: it is lent by `&{Self}`"
)]
pub trait State: Sized {
    /// What it is before the first call.
    #[must_use]
    fn first() -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Default> State for T {
    fn first() -> Self {
        Self::default()
    }
}

/// Writes a state down, as JSON, and reads it again.
#[derive(Debug)]
pub struct StateCodec<T> {
    pub(crate) write: fn(&T) -> Result<String>,
    pub(crate) read: fn(&str) -> Option<T>,
}

impl<T> Clone for StateCodec<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for StateCodec<T> {}

/// Looks whether a state can be written down: `(&CodecOf::<T>::NEW).codec()`, where [`ByCodec`] is
/// preferred to [`WithoutCodec`] because it takes one reference less. So a stage's attribute, which does
/// not know the type, need not ask for a bound that only a pipeline with a `delivery:` demands.
#[derive(Debug)]
pub struct CodecOf<T>(PhantomData<fn() -> T>);

impl<T> CodecOf<T> {
    /// Looks at `T`.
    pub const NEW: Self = Self(PhantomData);
}

/// A state that serde reads and writes.
pub trait ByCodec<T> {
    /// How.
    fn codec(&self) -> Option<StateCodec<T>>;
}

impl<T: Serialize + DeserializeOwned> ByCodec<T> for CodecOf<T> {
    fn codec(&self) -> Option<StateCodec<T>> {
        Some(StateCodec {
            write: |state| {
                serde_json::to_string(state).map_err(|_holds_data| {
                    Error::new(ErrorKind::Config, "its state cannot be written as JSON, so no checkpoint can hold it")
                        .hint("a map in it needs texts or numbers as keys")
                })
            },
            read: |written| serde_json::from_str(written).ok(),
        })
    }
}

/// A state that serde does not read and write.
pub trait WithoutCodec<T> {
    /// Not at all.
    fn codec(&self) -> Option<StateCodec<T>>;
}

impl<T> WithoutCodec<T> for &CodecOf<T> {
    fn codec(&self) -> Option<StateCodec<T>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Default)]
    struct Plain;

    #[allow(clippy::needless_borrow, reason = "the reference is what the look is about")]
    #[test]
    fn a_state_is_written_where_serde_can() {
        let codec = (&CodecOf::<BTreeMap<u64, String>>::NEW).codec().unwrap();
        let state = BTreeMap::from([(7, "a".to_owned())]);
        assert_eq!((codec.read)(&(codec.write)(&state).unwrap()), Some(state));
        assert!((codec.read)("[").is_none());
        assert!((&CodecOf::<Plain>::NEW).codec().is_none());
        let keyed_by_pairs = (&CodecOf::<BTreeMap<(u8, u8), u8>>::NEW).codec().unwrap();
        assert_eq!((keyed_by_pairs.write)(&BTreeMap::from([((1, 2), 3)])).unwrap_err().kind(), ErrorKind::Config);
    }
}
