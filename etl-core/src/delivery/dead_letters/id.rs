//! What names a letter, and tells one record from another.

use std::fmt;

use serde::Serialize;

use super::line::RecordId;
use crate::contract::hex::hex;

/// A SHA-256.
pub(crate) type Digest = [u8; 32];

/// The SHA-256 of a record's bytes.
pub(crate) fn digest(bytes: &[u8]) -> Digest {
    hmac_sha256::Hash::hash(bytes)
}

/// Names a letter: the same for the same record, rejected by the same stage for the same reason, in
/// whatever run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LetterId([u8; 16]);

impl LetterId {
    /// From what is the same in every run. The digest is part of it, so that another record in the
    /// same place (the file was replaced) has a letter of its own.
    pub(super) fn new(record: &RecordId<'_>, stage: &str, code: &str, payload: Option<&Digest>) -> Self {
        let mut hash = hmac_sha256::Hash::new();
        // Each part with its length, lest two neighbours can be cut differently.
        for part in [record.pipeline.as_bytes(), record.partition.as_bytes(), stage.as_bytes(), code.as_bytes()] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.update(record.replay_epoch.to_le_bytes());
        hash.update(record.ordinal.to_le_bytes());
        hash.update(payload.map_or(&[][..], |digest| digest));
        let mut id = [0; 16];
        id.copy_from_slice(&hash.finalize()[..16]);
        Self(id)
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        hex_bytes(text).map(Self)
    }
}

impl fmt::Display for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for LetterId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The bytes of exactly so many lower-case digits.
pub(super) fn hex_bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}
