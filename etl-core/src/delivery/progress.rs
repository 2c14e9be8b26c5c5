//! What a run knows at a commit, besides which records are done: who it is, what it read, what it
//! counted and what its stages remember. A later run goes on from it, or refuses to.

use serde::{Deserialize, Serialize};

use crate::contract::error::{Error, ErrorKind, Result};
use crate::contract::source::Identity;
use crate::contract::stage::StageDefinition;
use crate::observe::report::Totals;

/// The version of the format; raised when a field changes its meaning or goes.
pub const VERSION: u32 = 1;

/// What is written down with every commit: into the target's ledger, or into the checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// [`VERSION`]
    pub version: u32,
    /// The run that committed.
    pub run_id: String,
    /// The source's name, for people.
    pub source: String,
    /// What the source held; positions mean something only in that.
    pub identity: Option<Identity>,
    /// The stages, in the order of the flow.
    pub stages: Vec<StageMark>,
    /// The fates of all records that are done, over all runs.
    pub totals: Totals,
    /// The rows of errors that the next run may find more of, and the longest one.
    #[serde(default)]
    pub error_rows: Vec<std::ops::Range<u64>>,
    /// The source was read to its end, and everything is committed.
    pub ended: bool,
}

/// One stage, as far as it matters whether a run can go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageMark {
    /// Its name.
    pub name: String,
    /// Changes with its code and its options.
    pub fingerprint: String,
    /// What it remembers, where it keeps state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

impl Progress {
    /// Of a run that has done nothing yet.
    #[must_use]
    pub fn new(stages: &[StageDefinition], run_id: &str, source: &str, identity: Option<Identity>) -> Self {
        let mark = |stage: &StageDefinition| StageMark {
            name: stage.name.to_owned(),
            fingerprint: format!("{:016x}", stage.fingerprint),
            state: None,
        };
        Self {
            version: VERSION,
            run_id: run_id.to_owned(),
            source: source.to_owned(),
            identity,
            stages: stages.iter().map(mark).collect(),
            totals: Totals::default(),
            error_rows: Vec::new(),
            ended: false,
        }
    }

    /// Reads what was written down.
    ///
    /// # Errors
    /// It is damaged, or of a later version.
    pub fn read(written: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let damaged = || Error::new(ErrorKind::Storage, "what an earlier run wrote down of its progress cannot be read");
        let Versioned { version } = serde_json::from_str(written).map_err(|_| damaged())?;
        if version > VERSION {
            return Err(Error::new(ErrorKind::Config, "the progress of an earlier run was written by a newer version of the framework")
                .hint("run the newer program, or start again with `--fresh`"));
        }
        serde_json::from_str(written).map_err(|_| damaged())
    }

    /// As it is written down.
    #[must_use]
    pub fn written(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// That this run may go on from `earlier`: its stages are the same.
    ///
    /// # Errors
    /// They are not, with what differs ([`ErrorKind::Config`]).
    pub fn goes_on_from(&self, earlier: &Self) -> Result<()> {
        let differences = differences(&earlier.stages, &self.stages);
        if differences.is_empty() {
            return Ok(());
        }
        let error =
            Error::new(ErrorKind::Config, "an earlier run of this pipeline was stopped half-way, and the program has changed since");
        Err(differences
            .into_iter()
            .fold(error, Error::caused_by)
            .with_code("changed_since")
            .hint("`--accept-changes` goes on where it stopped, with the new code; `--fresh` starts again"))
    }
}

/// What is not the same in `now` as in `before`, in words.
fn differences(before: &[StageMark], now: &[StageMark]) -> Vec<String> {
    let find = |stages: &[StageMark], name: &str| stages.iter().find(|stage| stage.name == name).cloned();
    let mut found: Vec<String> = Vec::new();
    for stage in before {
        match find(now, &stage.name) {
            None => found.push(format!("stage `{}` is gone", stage.name)),
            Some(same) if same.fingerprint != stage.fingerprint => found.push(format!(
                "stage `{}` has changed (was {}, is {})",
                stage.name,
                short(&stage.fingerprint),
                short(&same.fingerprint)
            )),
            Some(_) => {}
        }
    }
    for stage in now {
        if find(before, &stage.name).is_none() {
            found.push(format!("stage `{}` is new", stage.name));
        }
    }
    let names = |stages: &[StageMark]| stages.iter().map(|stage| stage.name.clone()).collect::<Vec<_>>();
    if found.is_empty() && names(before) != names(now) {
        found.push(format!("the stages come in another order (was {}, is {})", names(before).join(" => "), names(now).join(" => ")));
    }
    found
}

fn short(fingerprint: &str) -> &str {
    fingerprint.get(..8).unwrap_or(fingerprint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::sample::outline;

    fn progress() -> Progress {
        Progress::new(&outline().stages, "20261123T000000Z-000001", "flights.csv", None)
    }

    #[test]
    fn what_was_written_is_read() {
        let mut progress = progress();
        progress.totals.extracted = 17;
        progress.stages[0].state = Some("{}".to_owned());
        assert_eq!(Progress::read(&progress.written()).unwrap(), progress);
        assert_eq!(Progress::read("{\"version\":1").unwrap_err().kind(), ErrorKind::Storage);
        let newer = progress.written().replacen("\"version\":1", "\"version\":2", 1);
        assert_eq!(Progress::read(&newer).unwrap_err().kind(), ErrorKind::Config);
    }

    #[test]
    fn a_changed_program_is_told_what_has_changed() {
        let earlier = progress();
        let mut now = progress();
        now.goes_on_from(&earlier).unwrap();
        // What a stage remembers is what it goes on with.
        now.stages[1].state = Some("7".to_owned());
        now.goes_on_from(&earlier).unwrap();

        now.stages[0].fingerprint = "0123456789abcdef".to_owned();
        now.stages[1].name = "other".to_owned();
        let error = now.goes_on_from(&earlier).unwrap_err();
        let causes: Vec<_> = error.causes().collect();
        assert_eq!(causes.len(), 3, "{causes:?}");
        assert!(causes[0].contains("has changed (was ") && causes[0].ends_with("is 01234567)"), "{causes:?}");
        assert!(causes[1].ends_with("is gone") && causes[2] == "stage `other` is new", "{causes:?}");

        let mut swapped = progress();
        swapped.stages.swap(0, 1);
        assert!(swapped.goes_on_from(&earlier).unwrap_err().causes().any(|cause| cause.contains("another order")));
    }
}
