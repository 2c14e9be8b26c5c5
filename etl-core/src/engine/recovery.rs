//! From where a run goes on: what the target and the checkpoint say of earlier runs, held against
//! what the source and the program are now. The target outranks the local file (I4).

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::compensating;
use super::delivering::Delivery;
use super::effects::{Effects, replay_of};
use super::load_thread;
use super::promises;
use super::reading;
use super::shared::{Followed, Shared};
use super::suspect::Marker;
use crate::contract::error::{Error, ErrorKind, Result};
use crate::contract::needs::Context;
use crate::contract::policy::Atomic;
use crate::contract::position::Cursor;
use crate::contract::source::{Identity, Sameness, SourceInfo};
use crate::contract::target::{Claim, Entry, Keeps, Preparation, Recalled};
use crate::delivery::checkpoint::{Store, folder, hold};
use crate::delivery::intents::IntentLog;
use crate::delivery::intervals::Intervals;
use crate::delivery::progress::Progress;
use crate::delivery::selection::Selection;
use crate::delivery::tracker::{Stored, Tracker, partition_of};

/// The two ends of a run, before records move.
pub(super) struct Ends {
    pub(super) source: mpsc::Sender<reading::Ask>,
    pub(super) target: mpsc::Sender<load_thread::Ask>,
}

/// How a run begins.
pub(super) enum Beginning {
    /// Both ends have been let go.
    Gone,
    /// An earlier run has read the source to its end, and it has not changed since.
    NothingNew(Box<Progress>),
}

impl Ends {
    async fn identity(&self, head: Option<u64>) -> Result<Option<Identity>> {
        let (answer, answered) = oneshot::channel();
        let _lost = self.source.send(reading::Ask::Identity(head, answer)).await;
        answered.await.unwrap_or_else(|_lost| Err(reading::lost("reading")))
    }

    async fn seek(&self, from: Cursor) -> Result<()> {
        let (answer, answered) = oneshot::channel();
        let _lost = self.source.send(reading::Ask::Seek(from, answer)).await;
        answered.await.unwrap_or_else(|_lost| Err(reading::lost("reading")))
    }

    async fn recall(&self, mark: String) -> Result<Recalled> {
        let (answer, answered) = oneshot::channel();
        let _lost = self.target.send(load_thread::Ask::Recall(mark, answer)).await;
        answered.await.unwrap_or_else(|_lost| Err(reading::lost("loading")))
    }

    async fn prepare(&self, preparation: Preparation, claim: Option<Claim>) -> Result<Vec<Entry>> {
        let (answer, answered) = oneshot::channel();
        let _lost = self.target.send(load_thread::Ask::Prepare(preparation, claim, answer)).await;
        answered.await.unwrap_or_else(|_lost| Err(reading::lost("loading")))
    }

    async fn go(&self, delivery: Option<Delivery>) {
        let _lost = self.target.send(load_thread::Ask::Go(delivery.map(Box::new))).await;
        let _lost = self.source.send(reading::Ask::Go).await;
    }
}

/// Makes both ends ready, finds out where the run goes on, and lets them go.
///
/// # Errors
/// The target cannot be made ready or is held by another run; source or program are not what they
/// were; what is known of earlier runs cannot be read.
pub(super) async fn begin<C: Context>(shared: &Arc<Shared<C>>, source: &SourceInfo, ends: &Ends) -> Result<Beginning> {
    let options = &shared.options;
    let (target, keeps) = target_of(shared);
    promises::in_order(shared)?;
    promises::kept(&shared.outline, source, &promises::Ready { target: target.clone(), appears_whole: appears_whole(shared), keeps })?;
    let preparation = Preparation::new(options.replace, options.dry_run);
    let preparation = if shared.outline.policy.atomic == Atomic::Run { preparation.whole() } else { preparation };
    if !follows(shared, source) {
        if options.only.is_some() {
            return Err(Error::new(
                ErrorKind::Config,
                "nothing is written down of what was loaded, so single records cannot be loaded again",
            ));
        }
        promises::compensable(shared, source)?;
        ends.prepare(preparation, None).await?;
        ends.go(None).await;
        return Ok(Beginning::Gone);
    }

    let identity = ends.identity(None).await?;
    let place = identity.as_ref().map_or(&*source.name, |identity| if identity.place.is_empty() { &source.name } else { &identity.place });
    let of = Content { place, identity: identity.as_ref() };
    let (stored, store, published, effects) = match keeps {
        Keeps::Ledger => {
            let mut claim = Claim::new(shared.outline.name, options.run_id.clone());
            (claim.lease, claim.fresh, claim.replace) = (options.lease, options.fresh, options.replace);
            let entries = ends.prepare(preparation.resumable(None), Some(claim)).await?;
            let stored = Stored::of_ledger(entries)?;
            let effects = effects(shared, place, &absolute(&target), &stored, false, None).await?;
            let stored = of.chosen(stored, ends).await?;
            // What is not published yet is to be.
            let rest = options.only.is_none() && !appears_whole(shared);
            if let Some(stored) = stored.as_ref().filter(|stored| rest && of.is_all_in(stored)) {
                return Ok(Beginning::NothingNew(Box::new(stored.progress.clone())));
            }
            (stored, None, None, effects)
        }
        Keeps::Mark | Keeps::Nothing => {
            let (mut store, mut checkpoint) = Store::open(&options.state_dir(shared.outline.name), place, &absolute(&target))?;
            let redo = options.replace && keeps == Keeps::Mark && checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.published);
            if options.fresh || redo {
                refuse_twice(options.replace, checkpoint.as_ref().map(|checkpoint| &checkpoint.progress), &target)?;
                store.clear()?;
                checkpoint = None;
            }
            let (mark, published) = checkpoint.as_ref().map_or((None, false), |checkpoint| (checkpoint.mark.clone(), checkpoint.published));
            let recalled = match &mark {
                Some(mark) => ends.recall(mark.clone()).await?,
                None if keeps == Keeps::Mark => Recalled::Gone,
                None => Recalled::Holds,
            };
            let before = checkpoint.clone().filter(|_| published && recalled != Recalled::Gone);
            let stored = checkpoint.filter(|_| recalled != Recalled::Gone).map(Stored::of_checkpoint);
            let known = stored.is_some();
            let stored: Vec<_> = stored.into_iter().collect();
            let effects = effects(shared, place, &absolute(&target), &stored, published, Some(&store)).await?;
            let stored = of.chosen(stored, ends).await?;
            let rest = options.only.is_none() && published;
            if let Some(stored) = stored.as_ref().filter(|stored| rest && of.is_all_in(stored)) {
                return Ok(Beginning::NothingNew(Box::new(stored.progress.clone())));
            }
            let another = known && stored.is_none();
            let (stored, preparation) = match recalled {
                // Other content is not added to an output that is whole.
                Recalled::Holds if another && appears_whole(shared) => (None, preparation.resumable(None)),
                Recalled::Holds => (stored, preparation.resumable(mark)),
                Recalled::Finished if another => (None, preparation.resumable(None)),
                Recalled::Finished | Recalled::Gone => (None, preparation.resumable(None).replacing(mark)),
            };
            ends.prepare(preparation, None).await?;
            (stored, Some(store), before, effects)
        }
    };

    let names = (shared.outline.name, absolute(&target));
    let pace = (options.checkpoint, options.lease);
    if let Some(only) = &options.only {
        let (stored, followed) = replayed(stored, only)?;
        restore(shared, &stored.progress)?;
        let partition = only.partition().into();
        let _first_time = shared.followed.set(followed);
        let effects = effects.map(|effects| watched(shared, effects, replay_of(&stored.partition), stored.replayed.clone()));
        let delivery = Delivery::new(Tracker::replaying(stored), keeps, store, names, pace).after(published).replaying(partition);
        ends.go(Some(delivery.telling(effects))).await;
        return Ok(Beginning::Gone);
    }
    let tracker = match stored {
        None => {
            let _first_time = shared.followed.set(Followed::default());
            let progress = Progress::new(&shared.outline.stages, &options.run_id, &source.name, identity.clone());
            Tracker::new(partition_of(&source.name, identity.as_ref()), 0, progress)
        }
        Some(stored) => {
            let mut progress = going_on(shared, &stored, source, ends).await?;
            // It stays at its end until something is added: then nothing has to be written to a target that is whole.
            progress.ended = of.is_all_in(&stored);
            tracing::info!(
                parent: &shared.span,
                run = stored.progress.run_id,
                records = stored.done.count(),
                "the run goes on where an earlier one stopped"
            );
            ends.seek(stored.done.low()).await?;
            let Stored { done, progress: earlier, .. } = stored.clone();
            let Progress { totals, error_rows, run_id, ended, .. } = earlier;
            let followed = Followed { totals, error_rows, run: Some(run_id), ended, done, only: None };
            let _first_time = shared.followed.set(followed);
            Tracker::going_on(stored, progress)
        }
    };
    let directory = folder(&options.state_dir(shared.outline.name), place, &names.1);
    let partition = partition_of(&source.name, identity.as_ref());
    if let Some(marker) = Marker::leave(&directory, &partition, tracker.done(), options.fresh)? {
        if marker.is_suspicious() {
            tracing::warn!(parent: &shared.span, "the last runs died and came to nothing: the records are tried one batch at a time");
        }
        let _first_time = shared.marker.set(marker);
    }
    let effects = effects.map(|effects| watched(shared, effects, Arc::clone(tracker.partition()), tracker.done().clone()));
    ends.go(Some(Delivery::new(tracker, keeps, store, names, pace).after(published).telling(effects))).await;
    Ok(Beginning::Gone)
}

/// What earlier runs did outside of the process and did not commit is undone, before anything is read;
/// and this one's effects are written down in the same place. The target holds `stored`, which is all
/// there if it is `published`; a checkpoint's `store` has locked the place already.
async fn effects<C: Context>(
    shared: &Arc<Shared<C>>,
    place: &str,
    target: &str,
    stored: &[Stored],
    published: bool,
    store: Option<&Store>,
) -> Result<Option<Arc<Effects>>> {
    let folder = folder(&shared.options.state_dir(shared.outline.name), place, target);
    // A program that no longer knows how to undo what is there says so.
    if !shared.compensates() && !IntentLog::is_there(&folder) {
        return Ok(None);
    }
    let lock = if store.is_none() { Some(hold(&folder)?) } else { None };
    let whole = shared.outline.policy.atomic == Atomic::Run || appears_whole(shared);
    let effects = Arc::new(Effects::new(IntentLog::open(&folder)?, whole, lock));
    compensating::at_the_beginning(shared, &effects, stored, published).await?;
    Ok(Some(effects))
}

/// The effects of a run that reads `partition`, of which the target holds `done`.
fn watched<C>(shared: &Shared<C>, effects: Arc<Effects>, partition: Arc<str>, done: Intervals) -> Arc<Effects> {
    effects.begin(partition, done);
    Arc::clone(shared.effects.get_or_init(|| effects))
}

/// Whether it is written down how far the run comes: only then can another one go on from there.
pub(super) fn follows<C>(shared: &Shared<C>, source: &SourceInfo) -> bool {
    let replayable = source.replayable || shared.stages[0].definition.options.replayable;
    // What appears whole and keeps nothing is gone with a run that is killed.
    let kept = target_of(shared).1 != Keeps::Nothing || !appears_whole(shared);
    replayable && kept && !shared.options.dry_run && !shared.steps.iter().any(super::steps::Step::forgets)
}

fn target_of<C>(shared: &Shared<C>) -> (String, Keeps) {
    let session = shared.loader.session(&shared.context, &shared.stages[shared.loader_index()]);
    (session.target(), session.keeps())
}

fn appears_whole<C>(shared: &Shared<C>) -> bool {
    shared.loader.session(&shared.context, &shared.stages[shared.loader_index()]).appears_whole()
}

/// A path from the root, because a checkpoint belongs to one file and not to one working directory.
fn absolute(target: &str) -> String {
    std::path::absolute(target).map_or_else(|_no_path| target.to_owned(), |path| path.to_string_lossy().into_owned())
}

/// What the source holds now.
struct Content<'a> {
    place: &'a str,
    identity: Option<&'a Identity>,
}

impl Content<'_> {
    /// Which of the contents that are known it is.
    async fn chosen(&self, stored: Vec<Stored>, ends: &Ends) -> Result<Option<Stored>> {
        for stored in stored {
            let earlier = stored.progress.identity.as_ref();
            let known = earlier.map(|earlier| &earlier.place).filter(|place| !place.is_empty()).unwrap_or(&stored.progress.source);
            if known != self.place {
                continue;
            }
            let sameness = match (earlier, self.identity) {
                (Some(earlier), Some(_)) => ends.identity(Some(earlier.head)).await?.map_or(Sameness::Other, |now| now.compare(earlier)),
                (None, None) => Sameness::Same,
                (Some(_), None) | (None, Some(_)) => Sameness::Other,
            };
            match sameness {
                Sameness::Same => return Ok(Some(stored)),
                // What was read to its end was another delivery.
                Sameness::Shorter | Sameness::Other if stored.progress.ended => {}
                Sameness::Shorter => return Err(changed(self.place, "is shorter than it was")),
                Sameness::Other => return Err(changed(self.place, "is not what it was")),
            }
        }
        Ok(None)
    }

    /// Whether an earlier run has read all of it.
    fn is_all_in(&self, stored: &Stored) -> bool {
        let earlier = stored.progress.identity.as_ref();
        stored.progress.ended && self.identity.is_some_and(|now| earlier.is_some_and(|earlier| earlier.length == now.length))
    }
}

fn changed(place: &str, how: &str) -> Error {
    Error::new(ErrorKind::Extraction, format!("{place} {how} when an earlier run of this pipeline was stopped half-way in it"))
        .with_code("source_changed")
        .hint("put the file back and run again, or read the new one from its beginning with `--fresh`")
}

/// What the run writes down from now on, with what its stages remember.
async fn going_on<C>(shared: &Shared<C>, stored: &Stored, source: &SourceInfo, ends: &Ends) -> Result<Progress> {
    let head = stored.progress.identity.as_ref().map(|identity| identity.head);
    let identity = ends.identity(head).await?;
    let mut progress = Progress::new(&shared.outline.stages, &shared.options.run_id, &source.name, identity);
    let remembers = stored.progress.stages.iter().any(|stage| stage.state.is_some());
    if !shared.options.accept_changes && (!stored.progress.ended || remembers) {
        progress.goes_on_from(&stored.progress)?;
    }
    progress.totals = stored.progress.totals;
    progress.error_rows.clone_from(&stored.progress.error_rows);
    for mark in &mut progress.stages {
        mark.state = stored.progress.stages.iter().find(|stage| stage.name == mark.name).and_then(|stage| stage.state.clone());
    }
    restore(shared, &progress)?;
    Ok(progress)
}

/// Has the stages remember what they did.
fn restore<C>(shared: &Shared<C>, progress: &Progress) -> Result<()> {
    for (stage, step) in shared.stages[1..].iter().zip(&shared.steps) {
        let state = progress.stages.iter().find(|mark| mark.name == stage.definition.name).and_then(|mark| mark.state.as_deref());
        if let Some(state) = state {
            step.restore(state).map_err(|error| stage.failure(error))?;
        }
    }
    Ok(())
}

/// What a replay begins with: only what was read before, and was not replayed since, is loaded again.
/// What was not read before is for the next run to read.
fn replayed(stored: Option<Stored>, only: &Arc<Selection>) -> Result<(Stored, Followed)> {
    let Some(stored) = stored else {
        return Err(Error::new(ErrorKind::Config, "what the source and the target hold is not what the records were rejected of")
            .hint("replay from the source as it was, into the same target; else discard the letters"));
    };
    if only.ordinals(only.span()).any(|ordinal| !stored.done.contains(ordinal)) {
        return Err(Error::new(
            ErrorKind::Config,
            "the run that rejected these records has not come so far: it reads them again by itself",
        )
        .hint("`run` goes on where it stopped; replay what is rejected then"));
    }
    let followed = Followed { done: stored.replayed.clone(), only: Some(Arc::clone(only)), ..Followed::default() };
    Ok((stored, followed))
}

/// Where nothing in the target can be told apart from what a second reading would add to it.
fn refuse_twice(replace: bool, earlier: Option<&Progress>, target: &str) -> Result<()> {
    match earlier {
        Some(earlier) if earlier.totals.loaded > 0 && !replace => Err(Error::new(
            ErrorKind::Config,
            format!("{target} holds {} records that earlier runs of this pipeline have loaded", earlier.totals.loaded),
        )
        .hint("`--fresh --replace` replaces them, or loads all records once more where they cannot be removed")),
        _ => Ok(()),
    }
}
