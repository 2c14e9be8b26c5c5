//! Real pipelines on real data, one binary each; see the files in `src/bin`.

/// The code of the README, compiled by the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
