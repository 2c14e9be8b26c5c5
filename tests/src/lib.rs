//! What crosses the crates; and the gallery of wrong programs, which is a suite of tests and a page of the documentation.

pub mod gallery;
pub mod page;
