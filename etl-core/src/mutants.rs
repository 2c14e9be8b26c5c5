//! Seeded bugs: what the crash harness must be able to catch.
//!
//! A harness that finds nothing proves nothing until it has found something. With the feature
//! `mutants` the environment variable `ETL_MUTANT` names one bug that the process then has; each is a
//! switch at the place where the order of two steps, a sync or a check matters. Without the feature
//! there are no switches.

/// Whether this process has the seeded bug `name`.
#[cfg(feature = "mutants")]
#[must_use]
pub fn active(name: &str) -> bool {
    static ACTIVE: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    ACTIVE.get_or_init(|| std::env::var("ETL_MUTANT").ok()).as_deref() == Some(name)
}

/// Whether this process has the seeded bug `name`: never.
#[cfg(not(feature = "mutants"))]
#[must_use]
#[inline(always)]
#[allow(clippy::inline_always, reason = "the switch and what stands behind it must be gone")]
pub const fn active(_name: &str) -> bool {
    false
}
