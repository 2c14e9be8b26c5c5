//! Keeping up with what is loaded: the ledger or the checkpoint follows each load, at its pace.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::effects::Effects;
use super::ledger::Ledger;
use super::letters::{Letters, Postbox};
use super::loading::{Amount, Landed, LoadSession, Loaded};
use super::parcel::{Parcel, Records};
use super::sealing::{Sealing, rejected_again};
use super::shared::Shared;
use super::turns::Turns;
use crate::contract::error::{Class, Result};
use crate::contract::target::Keeps;
use crate::delivery::checkpoint::{Checkpoint, Store};
use crate::delivery::tracker::{Coverage, Tracker};
use crate::mutants;
use crate::observe::metrics::Counts;

/// Where loaded records are loaded again after a kill, so many loads at most lie between two
/// checkpoints.
pub(super) const LOADS_BETWEEN_CHECKPOINTS: u32 = 16;

/// A run that is followed, as the loading thread sees it.
pub(super) struct Delivery {
    tracker: Arc<Mutex<Tracker>>,
    turns: Turns,
    keeps: Keeps,
    /// Where checkpoints go, where the target keeps no ledger.
    store: Option<Store>,
    pipeline: &'static str,
    target: String,
    every: Duration,
    /// How often a claim is renewed.
    renew: Duration,
    /// When the last checkpoint was written, or the claim renewed.
    last: Instant,
    /// Loads since the last checkpoint, and records in them.
    loads: u32,
    records: u64,
    /// The most records that were loaded between two checkpoints.
    window: u64,
    /// What stages did outside of the process, where they can undo it.
    effects: Option<Arc<Effects>>,
    /// A load ended half-way: what the target holds is no longer what the tracker says, so the last
    /// checkpoint stands.
    spoiled: bool,
    /// The checkpoint of an earlier run, where what it published is still there.
    published: Option<Box<Checkpoint>>,
    /// In a replay: of which part of the source, and what has been loaded of it and not been said yet.
    replays: Option<(Arc<str>, Vec<Range<u64>>)>,
}

impl Delivery {
    pub(super) fn new(
        tracker: Tracker,
        keeps: Keeps,
        store: Option<Store>,
        (pipeline, target): (&'static str, String),
        (every, lease): (Duration, Duration),
    ) -> Self {
        Self {
            tracker: Arc::new(Mutex::new(tracker)),
            turns: Turns::default(),
            keeps,
            store,
            pipeline,
            target,
            every,
            renew: lease / 3,
            last: Instant::now(),
            loads: 0,
            records: 0,
            window: 0,
            effects: None,
            spoiled: false,
            published: None,
            replays: None,
        }
    }

    /// Tells `effects` what is committed.
    pub(super) fn telling(mut self, effects: Option<Arc<Effects>>) -> Self {
        self.effects = effects;
        self
    }

    /// What an earlier run published is there, until this one publishes.
    pub(super) fn after(mut self, published: Option<Checkpoint>) -> Self {
        self.published = published.map(Box::new);
        self
    }

    /// Takes away the letters of what is committed: the dead letters are of `partition`.
    pub(super) fn replaying(mut self, partition: Arc<str>) -> Self {
        self.replays = Some((partition, Vec::new()));
        self
    }

    /// Whether it loads again what was rejected.
    pub(super) fn is_replay(&self) -> bool {
        self.replays.is_some()
    }

    /// What was loaded is committed.
    async fn settled(&mut self, letters: &Postbox) {
        if let Some((partition, ranges)) = &mut self.replays {
            letters.settled(Arc::clone(partition), std::mem::take(ranges)).await;
        }
    }

    fn note(&mut self, covered: &[Coverage]) {
        if let Some((_, ranges)) = &mut self.replays {
            ranges.extend(covered.iter().flat_map(|coverage| coverage.ranges.iter().cloned()));
        }
    }

    /// How far the run has come.
    pub(super) fn tracker(&self) -> MutexGuard<'_, Tracker> {
        // Nothing panics while it is held.
        self.tracker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What transactions are sealed with, where the target keeps a ledger.
    pub(super) fn sealing(&self, letters: &Postbox) -> Option<Sealing> {
        (self.keeps == Keeps::Ledger).then(|| Sealing {
            tracker: Arc::clone(&self.tracker),
            turns: self.turns.clone(),
            letters: letters.clone(),
        })
    }

    /// The most records that a kill could have doubled.
    pub(super) fn window(&self) -> u64 {
        if self.keeps == Keeps::Nothing { self.window.max(self.records) } else { 0 }
    }

    /// When something is to be done even if no record comes.
    pub(super) fn wakes(&self) -> Option<Instant> {
        match self.keeps {
            Keeps::Ledger => Some(self.last + self.renew),
            Keeps::Mark | Keeps::Nothing => (self.loads > 0).then_some(self.last + self.every),
        }
    }

    /// Does what is due, between two loads.
    pub(super) async fn wake(&mut self, session: &mut dyn LoadSession, letters: &Postbox) -> Result<()> {
        let now = Instant::now();
        match self.keeps {
            Keeps::Ledger if now >= self.last + self.renew => {
                self.last = now;
                match session.renew().await {
                    // Whether the claim has been lost shows at the next commit, or at the next attempt.
                    Err(error) if error.class() == Class::Retry => {
                        tracing::warn!(%error, "the claim could not be renewed");
                        Ok(())
                    }
                    renewed => renewed,
                }
            }
            Keeps::Ledger => Ok(()),
            Keeps::Mark if now >= self.last + self.every => self.checkpoint(session, letters).await,
            Keeps::Nothing if self.loads >= LOADS_BETWEEN_CHECKPOINTS || now >= self.last + self.every => {
                self.checkpoint(session, letters).await
            }
            Keeps::Mark | Keeps::Nothing => Ok(()),
        }
    }

    /// A transaction with whole parcels has ended.
    pub(super) async fn landed<C>(&mut self, landed: Landed, shared: &Shared<C>, ledger: &mut Ledger<'_, C>, letters: &Postbox) {
        let Landed { tally, covered, in_doubt, begun } = landed;
        let erred = tally.counts.errors() > 0;
        let committed = tally.failure.is_none() && !tally.given_up;
        match &self.effects {
            Some(effects) if committed => effects.committed(&covered),
            Some(effects) if in_doubt => effects.doubt(&covered),
            _ => {}
        }
        if committed {
            self.note(&covered);
            self.settled(letters).await;
        }
        ledger.record(shared.loader_index(), tally, begun.elapsed());
        if erred {
            shared.watch(false);
        }
        self.last = Instant::now();
    }

    /// Loads the first parcels that wait, whole, into a target without a ledger.
    pub(super) async fn load<C>(
        &mut self,
        shared: &Shared<C>,
        session: &mut dyn LoadSession,
        ledger: &mut Ledger<'_, C>,
        letters: &Postbox,
    ) {
        let index = shared.loader_index();
        let begun = std::time::Instant::now();
        let Loaded { tally, origins, mut covered } = session.load(Amount::Parcels).await;
        let whole = tally.failure.is_none() && !tally.given_up && tally.counts.unfinished == 0;
        let counts = tally.counts;
        let excluded = ledger.record(index, tally, begun.elapsed());
        for (excluded, origin) in excluded.iter().zip(&origins) {
            if let Some(again) = rejected_again(self.tracker().replays(), &covered, std::slice::from_ref(excluded), origin.as_ref()) {
                covered = again;
            }
        }
        let errors: Vec<u64> = excluded.iter().zip(&origins).map(|(excluded, origin)| origin.position(excluded.input).ordinal).collect();
        if !excluded.is_empty() {
            let entries = excluded.into_iter().zip(origins).collect();
            letters.post(vec![Letters { stage: index, entries }]).await;
        }
        // Of a load that ends half-way, what is in the target is loaded again too.
        self.records += counts.out;
        if whole && mutants::active("checkpoint_before_load") {
            self.loads += 1;
        } else if whole {
            let proposal = self.tracker().propose(&covered, &counts, &errors);
            self.tracker().settle(proposal);
            self.note(&covered);
            self.loads += 1;
        } else {
            self.spoiled = true;
        }
    }

    /// A seeded bug: what has only arrived is written down as if it were loaded.
    pub(super) async fn checkpoint_before_load(&mut self, parcel: &Parcel, session: &mut dyn LoadSession) {
        let (Some(coverage), Records::Decoded(records)) = (&parcel.coverage, &parcel.records) else { return };
        if self.keeps == Keeps::Ledger {
            return;
        }
        let counts = Counts { out: records.len() as u64, ..Counts::default() };
        let proposal = self.tracker().propose([&**coverage], &counts, &[]);
        self.tracker().settle(proposal);
        let _stands = self.save(session).await;
    }

    /// Writes down all that is loaded, where that is not done yet.
    pub(super) async fn catch_up(&mut self, session: &mut dyn LoadSession, letters: &Postbox) -> Result<()> {
        if self.loads == 0 { Ok(()) } else { self.checkpoint(session, letters).await }
    }

    /// Writes down how far the run has come: the dead letters first, then what the target holds, then
    /// the checkpoint that speaks of both.
    pub(super) async fn checkpoint(&mut self, session: &mut dyn LoadSession, letters: &Postbox) -> Result<()> {
        if self.spoiled || !letters.durable().await {
            return Ok(());
        }
        self.save(session).await?;
        self.settled(letters).await;
        Ok(())
    }

    async fn save(&mut self, session: &mut dyn LoadSession) -> Result<()> {
        let mark = match self.keeps {
            Keeps::Mark if !self.spoiled => {
                let mark = session.checkpoint().await?;
                // Where nothing can be gone on from yet, the checkpoint before stands.
                (self.last, self.loads) = (Instant::now(), 0);
                if mark.is_none() {
                    return Ok(());
                }
                mark
            }
            _ => None,
        };
        self.write(mark, false)
    }

    fn write(&mut self, mark: Option<String>, published: bool) -> Result<()> {
        let checkpoint = self.tracker().checkpoint(self.pipeline, &self.target, mark, published);
        let Some(store) = self.store.as_mut().filter(|_| !self.spoiled) else { return Ok(()) };
        store.save(&checkpoint)?;
        if let Some(effects) = &self.effects {
            effects.reached(self.tracker().reached());
        }
        self.window = self.window.max(self.records);
        (self.last, self.loads, self.records) = (Instant::now(), 0, 0);
        Ok(())
    }

    /// Before the first load: what the target holds then can be told from what is added.
    pub(super) async fn start(&mut self, session: &mut dyn LoadSession) -> Result<()> {
        if self.keeps == Keeps::Mark { self.save(session).await } else { Ok(()) }
    }

    /// The source has been read as far as it is to be, and all of it is loaded; the dead letters are
    /// durable: publishes. `whole` says that the source was read to its end.
    ///
    /// What will be published is written down before, so that it is recognised whatever happens in
    /// between, and that it was is written down afterwards.
    pub(super) async fn publish(&mut self, session: &mut dyn LoadSession, whole: bool) -> Result<()> {
        if whole && self.replays.is_none() && !self.tracker().progress().ended {
            let end = self.tracker().propose_end();
            if self.keeps == Keeps::Ledger {
                session.seal_end(end.receipt()).await?;
            }
            self.tracker().settle(end);
        }
        let mark = if self.keeps == Keeps::Mark { session.seal().await? } else { None };
        self.write(mark.clone(), false)?;
        session.publish().await?;
        self.write(mark, true)
    }

    /// The run ends before its time; the dead letters are durable. What is loaded whole is written
    /// down, so that the next run goes on behind it.
    pub(super) async fn leave(&mut self, session: &mut dyn LoadSession) -> Result<()> {
        if self.keeps == Keeps::Ledger || self.loads == 0 || self.spoiled {
            return Ok(());
        }
        self.save(session).await
    }

    /// Whether a checkpoint of ours says what there is to go on from, and not the target's ledger.
    pub(super) fn has_checkpoints(&self) -> bool {
        self.store.is_some()
    }

    /// What was loaded is gone with an output that was never published: the next run begins where this
    /// one did.
    pub(super) fn forget(&mut self) -> Result<()> {
        let Some(store) = &mut self.store else { return Ok(()) };
        match &self.published {
            Some(published) => store.save(published),
            None => store.clear(),
        }
    }
}
