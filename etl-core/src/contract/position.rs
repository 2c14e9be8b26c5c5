//! Where in its source a record stands.

use std::fmt;
use std::sync::Arc;

/// The place of one record in its source; unique per record (partition and ordinal).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The independently ordered part of the source: a file's path, a table, `memory`.
    pub partition: Arc<str>,
    /// The number of the record in its partition, from 0.
    pub ordinal: u64,
    /// The offset of its first byte, where the source has bytes.
    pub byte: Option<u64>,
    /// The line on which it starts, from 1, where the source has lines.
    pub line: Option<u64>,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.byte) {
            (Some(line), _) => write!(f, "{} line {line}", self.partition),
            (None, Some(byte)) => write!(f, "{} byte {byte}", self.partition),
            (None, None) => write!(f, "{} record {}", self.partition, self.ordinal),
        }
    }
}

/// A place in a source at which reading can begin: before the record with this number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Cursor {
    /// The number of the record, from 0.
    pub ordinal: u64,
    /// The offset of its first byte, where the source has bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub byte: Option<u64>,
    /// The line on which it starts, from 1, where the source has lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
}

impl Cursor {
    /// Before record `ordinal` of a source that has neither bytes nor lines.
    #[must_use]
    pub const fn record(ordinal: u64) -> Self {
        Self { ordinal, byte: None, line: None }
    }
}
