//! What a target keeps of the runs that load into it: one entry for each transaction, with the part
//! of the source that it holds.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::contract::position::Cursor;

/// A run that wants to load.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Claim {
    /// The pipeline's name: one run of it at a time loads into a target.
    pub pipeline: &'static str,
    /// Names the run.
    pub run_id: String,
    /// Who it is, for people and for [`Holder::is_gone`].
    pub holder: Holder,
    /// After so long a silence another run may take over, by the target's own clock.
    pub lease: Duration,
    /// Earlier entries do not count (`--fresh`): the replay epoch is raised.
    pub fresh: bool,
    /// With `fresh`: what earlier runs loaded may be removed. Without it, a target that still holds
    /// some of it refuses.
    pub replace: bool,
}

/// The process that holds a claim.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct Holder {
    /// The machine, as it calls itself.
    pub host: String,
    /// The process on it.
    pub process: u32,
    /// When the process was started, in the clock ticks of its machine since that was; tells it from
    /// a later one with the same number. `None` where the machine does not tell.
    pub started: Option<u64>,
}

impl Claim {
    /// A claim of this process.
    #[must_use]
    pub fn new(pipeline: &'static str, run_id: impl Into<String>) -> Self {
        Self { pipeline, run_id: run_id.into(), holder: Holder::this(), lease: Duration::from_secs(30), fresh: false, replace: false }
    }
}

impl Holder {
    /// This process.
    #[must_use]
    pub fn this() -> Self {
        let process = std::process::id();
        Self { host: host(), process, started: started(process) }
    }

    /// Whether the process is known to be gone: it was on this machine, and is there no more. A run
    /// that was killed is followed at once, without waiting for its lease to end.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        cfg!(target_os = "linux") && self.started.is_some() && self.host == host() && started(self.process) != self.started
    }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "process {} on {}", self.process, self.host)
    }
}

/// The name of this machine with the id of its boot, because numbers of processes begin again with
/// it.
fn host() -> String {
    let read = |path| std::fs::read_to_string(path).map(|text| text.trim().to_owned());
    let name = read("/proc/sys/kernel/hostname").or_else(|_| read("/etc/hostname")).unwrap_or_else(|_| "localhost".to_owned());
    match read("/proc/sys/kernel/random/boot_id") {
        Ok(boot) => format!("{name} (boot {})", boot.get(..8).unwrap_or(&boot)),
        Err(_) => name,
    }
}

/// Field 22 of `/proc/<process>/stat`; `None` for one that is gone, or that is only waiting to be
/// buried.
fn started(process: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The second field is the name in parentheses, which may hold anything.
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// A part of the source that is in the target.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Which part of the source, over all runs of the pipeline.
    pub partition: Arc<str>,
    /// The records of it, by number.
    pub range: Range<u64>,
    /// Where the record behind them starts.
    pub end: Cursor,
    /// The place of its transaction among those of the pipeline; rises.
    pub sequence: u64,
    /// What the engine knew when it was committed: opaque to the target, and only wanted of the entry
    /// with the highest sequence of each partition.
    pub progress: Option<Arc<str>>,
}

impl Entry {
    /// An entry as it was [recorded](super::Transaction::record).
    #[must_use]
    pub const fn new(partition: Arc<str>, range: Range<u64>, end: Cursor, sequence: u64, progress: Option<Arc<str>>) -> Self {
        Self { partition, range, end, sequence, progress }
    }
}

/// What a transaction loads, for the ledger.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Receipt {
    /// One for each part of the source; none of them overlaps an earlier one. They may be empty, and
    /// then hold only the progress.
    pub entries: Vec<Entry>,
    /// How many records are loaded.
    pub records: u64,
}

impl Receipt {
    /// What a transaction of so many records loads.
    #[must_use]
    pub const fn new(entries: Vec<Entry>, records: u64) -> Self {
        Self { entries, records }
    }
}

/// What [`Transaction::record`](super::Transaction::record) found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Recorded {
    /// The ledger did not have it: commit.
    New,
    /// The ledger has it already: an earlier attempt was committed, though nobody was told. Roll back.
    Already,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_there_and_a_finished_one_is_gone() {
        let this = Holder::this();
        assert!(!this.is_gone());
        if cfg!(target_os = "linux") {
            let mut child = std::process::Command::new("true").spawn().unwrap();
            let process = child.id();
            let holder = Holder { process, started: started(process).or(Some(1)), ..this.clone() };
            child.wait().unwrap();
            assert!(holder.is_gone());
            assert!(!Holder { host: "elsewhere".to_owned(), ..holder }.is_gone(), "nobody knows");
        }
        assert!(this.to_string().starts_with(&format!("process {} on ", std::process::id())));
    }
}
