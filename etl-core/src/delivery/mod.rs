//! What becomes of records: which of them are done, how far a run has come, and where those are that
//! were rejected.
//!
//! | | |
//! |---|---|
//! | [`intervals`] | which records of a source are done |
//! | [`progress`] | what else is written down at a commit |
//! | [`tracker`] | what a commit adds to both |
//! | [`rows`] | errors in a row |
//! | [`attempts`] | which record kills the process |
//! | [`checkpoint`] | where they are kept when the target keeps no ledger |
//! | [`intents`] | what stages have done outside of the process, until it is committed or undone |
//! | [`dead_letters`] | rejected records, at rest |
//! | [`selection`] | which of their records are read again |

pub mod attempts;
pub mod checkpoint;
pub mod dead_letters;
pub mod intents;
pub mod intervals;
pub mod progress;
pub mod rows;
pub mod selection;
pub mod tracker;
