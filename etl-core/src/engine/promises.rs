//! What was demanded by type, looked at again in the things themselves: a query that says no order
//! cannot be read again, though its type can; and two of them are not one file.

use std::path::{Path, PathBuf};

use super::loading::LoadSession;
use super::shared::Shared;
use super::wiring::Outline;
use crate::contract::error::{Error, ErrorKind, Result};
use crate::contract::policy::{Atomic, Delivery};
use crate::contract::source::SourceInfo;
use crate::contract::stage::Role;
use crate::contract::target::Keeps;

/// A target that is ready.
pub(super) struct Ready {
    pub(super) target: String,
    pub(super) appears_whole: bool,
    pub(super) keeps: Keeps,
}

impl Ready {
    pub(super) fn of(session: &dyn LoadSession) -> Self {
        Self { target: session.target(), appears_whole: session.appears_whole(), keeps: session.keeps() }
    }
}

/// Whether source and target can keep what the pipeline demands of them.
///
/// # Errors
/// Which of them cannot, and what to do.
pub(super) fn kept(outline: &Outline, source: &SourceInfo, target: &Ready) -> Result<()> {
    let policy = &outline.policy;
    if let Some(delivery) = policy.delivery.filter(|delivery| !delivery.may_lose())
        && !source.replayable
        && !outline.stages.first().is_some_and(|extractor| extractor.options.replayable)
    {
        let delivery = delivery.as_str();
        return Err(Error::new(
            ErrorKind::Config,
            format!("`delivery: {delivery}` cannot be kept: {} does not say in which order its records come", source.name),
        )
        .hint("give a query an `ORDER BY`, or demand `at_most_once`"));
    }
    let whole = match (policy.delivery, policy.atomic) {
        (Some(Delivery::ExactlyOnce), _) => "delivery: exactly_once",
        (_, Atomic::Run) => "atomic: run",
        _ => return Ok(()),
    };
    if target.appears_whole || target.keeps != Keeps::Nothing {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Config,
        format!(
            "`{whole}` cannot be kept in {}: it keeps no account of what a run has committed, so the next run would load it again",
            target.target
        ),
    )
    .hint("write to a target that keeps a ledger, such as `sqlite::open`, or to one that appears whole, such as `csv::create`"))
}

/// That batches are committed in the order in which a stage that keeps state has seen them: what it knows
/// is written down with each of them, and is about all before it.
///
/// # Errors
/// Which stage loses the order.
pub(super) fn in_order<C>(shared: &Shared<C>) -> Result<()> {
    let mut keeps_state = None;
    for stage in &shared.stages {
        let loses = stage.settings.unordered || (stage.definition.role == Role::Loader && stage.settings.concurrency > 1);
        if let Some(before) = keeps_state.filter(|_| loses && shared.outline.policy.delivery != Some(Delivery::AtMostOnce)) {
            let (name, option) = (stage.definition.name, if stage.settings.unordered { "unordered" } else { "concurrency" });
            return Err(Error::new(
                ErrorKind::Config,
                format!("`{name}.{option}` loses the order of the records behind `{before}`, which keeps state"),
            )
            .hint(format!("set `{name}.{option}` to {}", if stage.settings.unordered { "off" } else { "1" })));
        }
        if stage.definition.stateful {
            keeps_state = Some(stage.definition.name);
        }
    }
    Ok(())
}

/// That no stage has effects to undo, where it is not written down how far the run comes: after a crash
/// nobody could tell which of them stand.
///
/// # Errors
/// One has, and why it cannot.
pub(super) fn compensable<C>(shared: &Shared<C>, source: &SourceInfo) -> Result<()> {
    let Some(stage) = shared.stages.iter().find(|stage| stage.definition.options.compensates) else { return Ok(()) };
    let replayable = source.replayable || shared.outline.stages.first().is_some_and(|extractor| extractor.options.replayable);
    let (why, hint) = if shared.options.dry_run {
        ("a dry run would make them all the same", "leave `--dry-run` out")
    } else if !replayable {
        (
            "the source cannot be read again, so after a crash nobody could tell which records were committed",
            "read from a source with positions, such as a file, or vouch for the extractor with `replayable`",
        )
    } else if shared.steps.iter().any(super::steps::Step::forgets) {
        (
            "the state of a stage cannot be written down, so no run goes on after a crash",
            "derive `Serialize` and `Deserialize` for the state",
        )
    } else {
        (
            "the target keeps no account of what it holds, so after a crash nobody could tell whether it was published",
            "write to a target that keeps a ledger or a mark, such as `sqlite::open`",
        )
    };
    let message = format!("what stage `{}` does outside of the process could not be undone: {why}", stage.definition.name);
    Err(Error::new(ErrorKind::Config, message).hint(hint))
}

/// That dead letters do not go into a file that the run reads or writes.
///
/// # Errors
/// That they would.
pub(super) fn apart(dead_letters: Option<&Path>, place: &str, what: Place) -> Result<()> {
    let Some(path) = dead_letters.filter(|path| !place.is_empty() && is_same(path, Path::new(place))) else { return Ok(()) };
    let what = match what {
        Place::Source => "records are read from",
        Place::Target => "records are loaded into",
    };
    Err(Error::new(ErrorKind::Config, format!("rejected records cannot go to {}, because {what} that file", path.display()))
        .hint("give `dead_letter` a file of its own"))
}

/// What else a run does with a file.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Source,
    Target,
}

/// Whether two paths are one file, which may not be there yet.
fn is_same(a: &Path, b: &Path) -> bool {
    fn settled(path: &Path) -> PathBuf {
        let path = std::path::absolute(path).unwrap_or_else(|_empty| path.to_owned());
        if let Ok(there) = path.canonicalize() {
            return there;
        }
        match (path.parent().and_then(|parent| parent.canonicalize().ok()), path.file_name()) {
            (Some(parent), Some(name)) => parent.join(name),
            _ => path,
        }
    }
    settled(a) == settled(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::sample::outline;

    fn told(delivery: Option<Delivery>, atomic: Atomic, replayable: bool, appears_whole: bool) -> Option<String> {
        let mut outline = outline();
        (outline.policy.delivery, outline.policy.atomic) = (delivery, atomic);
        let mut source = SourceInfo::named("flights.db#SELECT 1");
        source.replayable = replayable;
        let kept = kept(&outline, &source, &Ready { target: "flights.sqlite".to_owned(), appears_whole, keeps: Keeps::Nothing });
        kept.err().map(|error| error.to_string())
    }

    #[test]
    fn a_source_without_an_order_keeps_only_at_most_once() {
        assert_eq!(told(None, Atomic::Batch, false, false), None);
        assert_eq!(told(Some(Delivery::AtMostOnce), Atomic::Batch, false, false), None);
        for delivery in [Delivery::AtLeastOnce, Delivery::EffectivelyOnce, Delivery::ExactlyOnce] {
            assert!(told(Some(delivery), Atomic::Batch, false, true).is_some_and(|text| text.contains("order")), "{delivery:?}");
        }
    }

    #[test]
    fn exactly_once_and_atomic_runs_need_a_target_that_appears_whole() {
        assert_eq!(told(Some(Delivery::ExactlyOnce), Atomic::Run, true, true), None);
        assert_eq!(told(Some(Delivery::EffectivelyOnce), Atomic::Batch, true, false), None);
        assert!(told(Some(Delivery::ExactlyOnce), Atomic::Batch, true, false).is_some_and(|text| text.contains("exactly_once")));
        assert!(told(None, Atomic::Run, true, false).is_some_and(|text| text.contains("atomic: run")));
    }

    #[test]
    fn dead_letters_have_a_file_of_their_own() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| directory.path().join(name);
        let refused = |letters: &Path, place: &Path| apart(Some(letters), &place.to_string_lossy(), Place::Target).err();
        let error = refused(&file("out.jsonl"), &file("out.jsonl")).unwrap();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().ends_with("out.jsonl, because records are loaded into that file"), "{error}");
        assert!(refused(&file("./x/../out.jsonl"), &file("out.jsonl")).is_none(), "there is no folder `x`");
        std::fs::create_dir(file("x")).unwrap();
        assert!(refused(&file("x/../out.jsonl"), &file("out.jsonl")).is_some());
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(file("x"), file("link")).unwrap();
            assert!(refused(&file("link/out.jsonl"), &file("x/out.jsonl")).is_some());
        }
        assert!(refused(&file("rejects.jsonl"), &file("out.jsonl")).is_none());
        assert!(refused(&file("rejects.jsonl"), Path::new("")).is_none());
        assert!(apart(None, "out.jsonl", Place::Source).is_ok());
    }
}
