//! How long `cargo check` of one crate takes.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use super::crates::Crate;
use crate::step::{Result, cargo, run};

/// The target directory of all generated crates: what they depend on is compiled there once.
pub(super) struct Target(pub(super) PathBuf);

/// What one check took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Took {
    /// From the start of cargo to its end.
    pub(super) wall: Duration,
    /// What cargo and the compiler computed meanwhile, where the system tells.
    pub(super) cpu: Option<Duration>,
}

impl Target {
    /// `cargo VERB` in the folder of the crate. Every setting that changes what is compiled is said.
    pub(super) fn cargo(&self, verb: &str, made: &Crate) -> Command {
        let mut command = cargo(&[verb, "--target-dir"]);
        command.arg(&self.0).current_dir(&made.folder).env("CARGO_INCREMENTAL", "1").env("CARGO_TERM_COLOR", "never");
        command
    }

    /// Compiles what the crate depends on, and the crate; nothing is measured.
    pub(super) fn warm(&self, made: &Crate) -> Result<()> {
        run(self.cargo("check", made).arg("--quiet"))
    }

    /// Checks the crate as it is; an error if cargo found nothing to do, or if the compiler had anything to say.
    pub(super) fn check(&self, made: &Crate) -> Result<Took> {
        let mut command = self.cargo("check", made);
        let (clock, before) = (Instant::now(), cpu_of_children());
        let output = command.output().map_err(|error| format!("cargo could not be started: {error}"))?;
        let (wall, after) = (clock.elapsed(), cpu_of_children());
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            return Err(format!("`cargo check` of {} ended with {}:\n{said}", made.name, output.status).into());
        }
        if said.contains("warning: ") {
            return Err(format!("`cargo check` of {} warns, and the time for that would be measured too:\n{said}", made.name).into());
        }
        if !said.contains(&format!("Checking {} ", made.name)) {
            return Err(format!("cargo did not check {}, because it saw no change:\n{said}", made.name).into());
        }
        Ok(Took { wall, cpu: before.zip(after).map(|(before, after)| after.saturating_sub(before)) })
    }

    /// Removes what the compiler remembers of the crate, and nothing of what it depends on.
    pub(super) fn forget(&self, made: &Crate) -> Result<()> {
        let start = format!("{}-", made.name.replace('-', "_"));
        let folder = self.0.join("debug/incremental");
        let Ok(entries) = fs::read_dir(&folder) else { return Ok(()) };
        for entry in entries {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(&start) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }
}

/// The user time of all processes that this one has waited for, and of those that they have waited for. Linux counts it in
/// hundredths of a second.
fn cpu_of_children() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    user_ticks_of_children(&stat).map(|ticks| Duration::from_millis(10 * ticks))
}

/// `cutime` of `proc(5)`: the sixteenth field. The second is a name in parentheses, which may hold anything.
fn user_ticks_of_children(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(13)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_the_children_is_the_sixteenth_field() {
        let stat = "4711 (a) name) S 1 4711 4711 0 -1 4194560 9 20 0 0 101 102 103 104 20 0 1 0 5 6 7";
        assert_eq!(user_ticks_of_children(stat), Some(103));
        assert_eq!(user_ticks_of_children("4711 (name"), None);
    }
}
