//! Rejected records at rest: JSON Lines, readable by their owner only, durable before a commit passes
//! them.
//!
//! The file is appended to: all runs of a pipeline share it, and each line names its run. Letters that
//! an operator discards, or whose records a replay has loaded, are taken away by a line of their own,
//! so that nothing is lost where a process is killed in between. The format and what is durable when
//! are described in `docs/dead-letters.md`.

#![cfg_attr(not(feature = "cli"), allow(dead_code, reason = "some of it only the operator's verbs need"))]

mod file;
#[cfg(feature = "cli")]
mod housekeeping;
mod id;
mod line;
#[cfg(feature = "cli")]
mod reader;
mod scan;
#[cfg(all(test, feature = "cli"))]
mod tests;
mod writer;

pub(crate) use file::check;
#[cfg(feature = "cli")]
pub(crate) use housekeeping::discard;
pub(crate) use id::{Digest, LetterId, digest};
#[cfg(feature = "cli")]
pub(crate) use line::Encoding;
pub use line::VERSION;
#[cfg(feature = "cli")]
pub(crate) use reader::{Letter, Letters};
pub(crate) use writer::{DeadLetter, DeadLetters, Opening, Payload};

/// How large the file may grow where nothing else is said, in bytes.
pub const LIMIT: u64 = 1 << 30;
