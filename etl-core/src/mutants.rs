//! Seeded bugs: what the crash harness must be able to catch.
//!
//! A harness that finds nothing proves nothing until it has found something. With the feature
//! `mutants` the environment variable `ETL_MUTANT` names a bug that the process then has (or several, with
//! commas between); each is a switch at the place where the order of two steps, a sync or a check
//! matters. Without the feature there are no switches.

/// Whether this process has the seeded bug `name`.
#[cfg(feature = "mutants")]
#[must_use]
pub fn active(name: &str) -> bool {
    static ACTIVE: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let active = ACTIVE.get_or_init(|| std::env::var("ETL_MUTANT").ok());
    active.as_deref().is_some_and(|names| names.split(',').any(|active| active == name))
}

/// Whether this process has the seeded bug `name`: never.
#[cfg(not(feature = "mutants"))]
#[must_use]
#[inline(always)]
#[allow(clippy::inline_always, reason = "the switch and what stands behind it must be gone")]
pub const fn active(_name: &str) -> bool {
    false
}

/// A kill at a chosen write: the environment variable `ETL_KILL` names a file, the number of the write
/// to it (from 0) and how many hundredths of it are still written, as `intents:17:50`.
#[cfg(feature = "mutants")]
pub fn strike(file: &str, bytes: &[u8], into: &mut std::fs::File) {
    use std::io::Write as _;
    static POINT: std::sync::OnceLock<Option<(String, u64, usize)>> = std::sync::OnceLock::new();
    static WRITES: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let point = POINT.get_or_init(|| {
        let point = std::env::var("ETL_KILL").ok()?;
        let mut parts = point.split(':');
        Some((parts.next()?.to_owned(), parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    });
    let Some((_, at, hundredths)) = point.as_ref().filter(|(name, ..)| name == file) else { return };
    if WRITES.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == *at {
        let _killed_anyway = into.write_all(&bytes[..bytes.len() * hundredths / 100]);
        kill();
    }
}

/// A kill at a chosen write: never.
#[cfg(not(feature = "mutants"))]
#[inline(always)]
#[allow(clippy::inline_always, reason = "the switch and what stands behind it must be gone")]
pub const fn strike(_file: &str, _bytes: &[u8], _into: &mut std::fs::File) {}

/// Ends the process as `kill -9` does: nothing of it is run any more.
#[cfg(feature = "mutants")]
fn kill() -> ! {
    let _sent = std::process::Command::new("kill").args(["-9", &std::process::id().to_string()]).status();
    // Where there is no such command.
    std::process::abort()
}
