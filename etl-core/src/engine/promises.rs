//! What was demanded by type, looked at again in the things themselves: a query that says no order
//! cannot be read again, though its type can.

use super::loading::LoadSession;
use super::wiring::Outline;
use crate::contract::error::{Error, ErrorKind, Result};
use crate::contract::policy::{Atomic, Delivery};
use crate::contract::source::SourceInfo;

/// A target that is ready.
pub(super) struct Ready {
    pub(super) target: String,
    appears_whole: bool,
}

impl Ready {
    pub(super) fn of(session: &dyn LoadSession) -> Self {
        Self { target: session.target(), appears_whole: session.appears_whole() }
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
    if target.appears_whole {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Config,
        format!("`{whole}` cannot be kept yet in {}: what a run has committed stays there when the run is killed, and the next run loads it again", target.target),
    )
    .hint("write to a target that appears whole at the end of the run, such as a new file or `sqlite::create`"))
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
        let kept = kept(&outline, &source, &Ready { target: "flights.sqlite".to_owned(), appears_whole });
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
}
