//! What becomes of records that are not loaded.

pub mod dead_letters;
