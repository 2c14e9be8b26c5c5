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
