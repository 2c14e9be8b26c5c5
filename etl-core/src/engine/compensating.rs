//! Undoing what stages did outside of the process for records that are not committed: the newest
//! first, one after the other, each written down before the next, so that a kill at any moment leaves
//! a log from which the next run goes on.

use std::sync::Arc;
use std::time::Duration;

use super::effects::{Effects, Standing};
use super::options::StageSettings;
use super::panics::guarded_async;
use super::reading::lost;
use super::retry::{Begun, beyond_budget};
use super::run::on_thread;
use super::runners::timed_out;
use super::shared::Shared;
use super::steps::Effect;
use crate::contract::error::{Class, Error, ErrorKind, Result};
use crate::contract::needs::Context;
use crate::delivery::intents::Intent;
use crate::delivery::tracker::Stored;
use crate::observe::report::NotCompensated;

/// How often an undoing that may be tried again is, where the stage says nothing or less.
const RETRIES: u32 = 5;
/// How many of those that could not be undone a report lists.
const LISTED: usize = 100;

/// What became of the effects that are not committed.
#[derive(Debug, Default)]
pub(super) struct Compensated {
    /// How many were undone.
    pub(super) done: u64,
    /// How many the next run looks at.
    pub(super) left: u64,
    /// The first of those that could not be undone.
    pub(super) failed: Vec<NotCompensated>,
}

/// Before a run reads anything: undoes what earlier ones did, and the target, which holds `stored`,
/// does not. `published` says that all it holds is there for good.
///
/// # Errors
/// Not all of it could be undone ([`ErrorKind::CompensationFailed`]), or the log cannot be read or
/// written.
pub(super) async fn at_the_beginning<C: Context>(
    shared: &Arc<Shared<C>>,
    effects: &Arc<Effects>,
    stored: &[Stored],
    published: bool,
) -> Result<()> {
    let open = effects.left_by_earlier_runs(stored)?;
    if !open.is_empty() {
        tracing::info!(parent: &shared.span, effects = open.len(), "an earlier run did what it did not commit");
        undo(shared, effects, open).await?;
    }
    if published { effects.finish() } else { effects.settle() }
}

/// At the end of a run that did not end well: undoes what it did and the target does not hold.
///
/// # Errors
/// As [`at_the_beginning`].
pub(super) async fn at_the_end<C: Context>(shared: &Arc<Shared<C>>, effects: &Arc<Effects>, standing: Standing) -> Result<()> {
    let (open, left) = effects.left_by_this_run(standing)?;
    shared.compensated().left += left;
    if !open.is_empty() {
        undo(shared, effects, open).await?;
    }
    if left == 0 { effects.settle() } else { Ok(()) }
}

/// On a thread of its own, where the user's function may block.
async fn undo<C: Context>(shared: &Arc<Shared<C>>, effects: &Arc<Effects>, open: Vec<Intent>) -> Result<()> {
    let (shared, effects) = (Arc::clone(shared), Arc::clone(effects));
    let undone = on_thread("etl-undo", move || async move { undo_all(&shared, &effects, &open).await })?;
    undone.await.unwrap_or_else(|_lost| Err(lost("undoing")))
}

async fn undo_all<C: Context>(shared: &Shared<C>, effects: &Effects, open: &[Intent]) -> Result<()> {
    let mut failures = 0_u64;
    let mut first = None;
    for intent in open {
        // Where one could not be undone, what it needs is away: the others are tried once.
        match undo_one(shared, intent, failures == 0).await {
            Ok(()) => {
                effects.compensated(intent.number)?;
                shared.compensated().done += 1;
            }
            Err(error) => {
                tracing::error!(
                    parent: &shared.span, stage = %intent.stage, record = intent.ordinal, code = error.code(), %error,
                    "an effect could not be undone"
                );
                failures += 1;
                let failed = &mut shared.compensated().failed;
                if failed.len() < LISTED {
                    failed.push(NotCompensated::new(&intent.stage, &intent.partition, intent.ordinal, error.code()));
                }
                first.get_or_insert(error);
            }
        }
    }
    let Some(first) = first else { return Ok(()) };
    let message = format!("{failures} of {} effects that are not committed could not be undone", open.len());
    Err(Error::new(ErrorKind::CompensationFailed, message).caused_by(first.to_string()).hint(format!(
        "the next run tries again before it reads anything; what was undone by hand is told by a function that finds nothing to undo and returns `Ok`. The log is {}",
        effects.path().display()
    )))
}

async fn undo_one<C: Context>(shared: &Shared<C>, intent: &Intent, retried: bool) -> Result<()> {
    let named = |stage: &&super::work::Stage| stage.definition.name == &*intent.stage && stage.definition.options.compensates;
    let found = shared.stages.iter().find(named).and_then(|stage| Some((stage, shared.steps.get(stage.index.checked_sub(1)?)?)));
    let Some((stage, step)) = found else {
        return Err(Error::new(ErrorKind::CompensationFailed, format!("stage `{}`, which knew how, is not in the pipeline", intent.stage)));
    };
    let retries = if retried { stage.settings.retries.max(RETRIES) } else { 0 };
    let settings = StageSettings { retries, ..stage.settings.clone() };
    let mut pauses = beyond_budget(&settings, Begun::now(&settings));
    let effect = Effect { input: &intent.input, output: intent.output.as_deref() };
    let mut attempts = 1;
    loop {
        let error = match call(settings.timeout, step.undo(&shared.context, effect)).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        match pauses.next().filter(|_| error.class() == Class::Retry) {
            // Not the stage's own pause: that one is over when the run is given up, and here it is.
            Some(pause) => tokio::time::sleep(pause).await,
            None => return Err(error.after(attempts)),
        }
        attempts += 1;
    }
}

/// One call, as long as the stage's own may take.
async fn call(timeout: Option<Duration>, undo: impl Future<Output = Result<()>>) -> Result<()> {
    let undo = guarded_async(undo);
    let ended = match timeout {
        None => undo.await,
        Some(limit) => {
            tokio::time::timeout(limit, undo).await.unwrap_or_else(|_elapsed| Ok(Err(timed_out(limit).with_class(Class::Retry))))
        }
    };
    ended.and_then(|undone| undone)
}
