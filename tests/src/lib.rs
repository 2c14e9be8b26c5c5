//! What crosses the crates; and the gallery of wrong programs.

pub mod gallery;
