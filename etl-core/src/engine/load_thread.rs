//! The loading thread: asked first to make the target ready, it then loads what comes.

use std::pin::pin;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::delivering::Delivery;
use super::ledger::Ledger;
use super::letters::{Letters, Postbox};
use super::loading::{Amount, Landed, LoadSession, Loaded};
use super::panics::guarded_async;
use super::parcel::Train;
use super::segment::{Clock, Segment, work};
use super::shared::Shared;
use crate::contract::error::Result;
use crate::contract::needs::Context;
use crate::contract::policy::Atomic;
use crate::contract::target::{Abandoned, Claim, Entry, Preparation, Recalled};
use crate::observe::report::Totals;

/// How long a loader waits for its batch to fill while the reader waits for memory.
const PATIENCE: Duration = Duration::from_millis(5);

/// What the loading thread is asked before records move.
pub(super) enum Ask {
    /// What has become of an earlier run's mark.
    Recall(String, oneshot::Sender<Result<Recalled>>),
    /// To make the target ready, and to claim it where it keeps a ledger.
    Prepare(Preparation, Option<Claim>, oneshot::Sender<Result<Vec<Entry>>>),
    /// To load. With what follows the run, if anything does.
    Go(Option<Box<Delivery>>),
}

/// How the loading thread is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// All went well: publish. `whole` says that the source was read to its end.
    Publish { whole: bool },
    /// The run ends before its time, and the dead letters are durable.
    Leave,
    /// The run ends before its time, and the dead letters are not known to be durable.
    Drop,
}

pub(super) struct Ports {
    pub(super) asks: mpsc::Receiver<Ask>,
    pub(super) input: mpsc::Receiver<Train>,
    pub(super) letters: Postbox,
    pub(super) drained: oneshot::Sender<()>,
    pub(super) verdict: oneshot::Receiver<Verdict>,
}

/// What the loading thread says at its end.
#[derive(Debug, Default)]
pub(super) struct Ended {
    /// What was committed is gone with an output that was never published.
    pub(super) discarded: bool,
    /// What became of the records of all runs, where the run is followed.
    pub(super) totals: Option<Totals>,
    /// The most records that a kill could have doubled.
    pub(super) window: u64,
}

/// The loading thread, which may have a segment of its own to work through before.
pub(super) async fn load<C: Context>(shared: &Shared<C>, own: Option<Segment>, ports: Ports) -> Result<Ended> {
    let Ports { mut asks, mut input, letters, drained, verdict } = ports;
    let stage = &shared.stages[shared.loader_index()];
    let mut session = shared.loader.session(&shared.context, stage);
    let dry = shared.options.dry_run;
    let mut go = None;
    while let Some(ask) = asks.recv().await {
        match ask {
            Ask::Recall(mark, answer) => {
                let recalled = guarded_async(session.recall(&mark)).await.and_then(|recalled| recalled);
                let _nobody_waits = answer.send(recalled.map_err(|error| stage.failure(error)));
            }
            Ask::Prepare(preparation, claim, answer) => {
                let prepared = guarded_async(prepare(session.as_mut(), preparation, claim, dry)).await.and_then(|prepared| prepared);
                let _nobody_waits = answer.send(prepared.map_err(|error| stage.failure(error)));
            }
            Ask::Go(delivery) => {
                go = Some(delivery);
                break;
            }
        }
    }
    let usable = go.is_some() && !dry;
    let mut delivery = go.flatten();
    if let Some(delivery) = &mut delivery {
        let started = guarded_async(delivery.start(session.as_mut())).await.and_then(|started| started);
        if let Err(error) = started {
            shared.fail(stage.failure(error));
        }
    }
    let mut waiting = Waiting { shared, session: session.as_mut(), delivery: delivery.as_deref_mut(), letters: &letters, oldest: None };
    let first = own.as_ref().map_or(stage.index, |own| own.stages[0]);
    loop {
        match waiting.next(&mut input).await {
            Event::Train(train) => {
                let (begun, chunks) = (Instant::now(), train.len());
                let mut ledger = Ledger::new(shared, first, stage.index + 1 - first);
                for (place, parcel) in train.into_iter().enumerate() {
                    let parcel = match &own {
                        Some(own) => work(shared, own, parcel, &mut Clock::of(place, chunks), &mut ledger, &letters).await,
                        None => Some(parcel),
                    };
                    let Some(parcel) = parcel else { continue };
                    if crate::mutants::active("checkpoint_before_load")
                        && let Some(delivery) = &mut waiting.delivery
                    {
                        delivery.checkpoint_before_load(&parcel, waiting.session).await;
                    }
                    waiting.session.gather(parcel);
                    while waiting.session.waiting() >= stage.settings.batch && usable && !shared.stop.abort.is_cancelled() {
                        waiting.load_batch(&mut ledger).await;
                        waiting.oldest = None;
                    }
                }
                if let Some(own) = &own {
                    shared.trains.took(own.number, chunks, begun.elapsed());
                }
            }
            Event::End => break,
            Event::Landed(landed) => waiting.land(landed, &mut Ledger::new(shared, stage.index, 1)).await,
            // The records that wait here may hold the memory that the reader waits for (I7).
            Event::Time if shared.starving.load(Relaxed) && usable => waiting.load_rest().await,
            Event::Time => {}
        }
        if waiting.session.is_idle() {
            waiting.oldest = None;
        } else if waiting.oldest.get_or_insert_with(tokio::time::Instant::now).elapsed() >= stage.settings.linger
            && usable
            && !shared.stop.abort.is_cancelled()
        {
            waiting.load_rest().await;
            waiting.oldest = None;
        }
        waiting.follow().await;
        if !usable || shared.stop.abort.is_cancelled() {
            waiting.give_up();
        }
    }
    // The end of the source is a barrier: the last, partial batch goes the same way.
    if usable && !shared.stop.abort.is_cancelled() && !crate::mutants::active("skip_final_flush") {
        waiting.load_rest().await;
    }
    waiting.give_up();
    waiting.land_all().await;
    waiting.settle().await;
    drop(letters);
    let _nobody_waits = drained.send(());
    let verdict = verdict.await.unwrap_or(Verdict::Drop);
    if dry {
        return Ok(Ended::default());
    }
    // Of a run that is committed as a whole nothing stands that its stages did, so nothing may be gone on
    // from either.
    let as_one = shared.failed() && shared.effects.get().is_some() && shared.outline.policy.atomic == Atomic::Run;
    let _busy = stage.enter(1);
    let ended = guarded_async(end(session.as_mut(), delivery.as_deref_mut(), verdict, as_one)).await.and_then(|ended| ended);
    let discarded = ended.map_err(|error| stage.failure(error))?;
    Ok(Ended {
        discarded,
        totals: delivery.as_ref().map(|delivery| delivery.tracker().progress().totals),
        window: delivery.as_ref().map_or(0, |delivery| delivery.window()),
    })
}

/// Makes the target ready.
async fn prepare(session: &mut dyn LoadSession, preparation: Preparation, claim: Option<Claim>, dry: bool) -> Result<Vec<Entry>> {
    session.prepare(preparation).await?;
    if dry {
        return Ok(Vec::new());
    }
    session.connect().await?;
    match claim {
        Some(claim) => session.claim(&claim).await,
        None => Ok(Vec::new()),
    }
}

/// Publishes or abandons, `as_one` all of it. `true` where what was committed is gone.
async fn end(session: &mut dyn LoadSession, mut delivery: Option<&mut Delivery>, verdict: Verdict, as_one: bool) -> Result<bool> {
    match verdict {
        Verdict::Publish { whole } => {
            match delivery {
                Some(delivery) => delivery.publish(session, whole).await?,
                None => session.publish().await?,
            }
            return Ok(false);
        }
        Verdict::Leave if as_one => {}
        Verdict::Leave => {
            if let Some(delivery) = &mut delivery {
                // Why the run ends matters more than whether this helps.
                if let Err(error) = delivery.leave(session).await {
                    tracing::warn!(%error, "the last checkpoint could not be written");
                }
            }
        }
        Verdict::Drop => {}
    }
    let gone = session.abandon().await == Abandoned::Discarded;
    let discarded = gone || (as_one && delivery.as_ref().is_some_and(|delivery| delivery.has_checkpoints()));
    if let Some(delivery) = delivery.filter(|_| discarded) {
        delivery.forget()?;
    }
    Ok(discarded)
}

/// Waits until then, if there is such a time.
async fn reached(time: Option<tokio::time::Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// What the loading thread wakes up for.
enum Event {
    Train(Train),
    /// No train comes any more.
    End,
    /// A transaction has ended.
    Landed(Landed),
    /// Something is to be done now.
    Time,
}

/// What waits to be loaded, and what follows it.
struct Waiting<'a, C> {
    shared: &'a Shared<C>,
    session: &'a mut dyn LoadSession,
    delivery: Option<&'a mut Delivery>,
    letters: &'a Postbox,
    /// About when the first of the records came that wait for their batch to fill.
    oldest: Option<tokio::time::Instant>,
}

impl<C: Context> Waiting<'_, C> {
    /// What comes next.
    async fn next(&mut self, input: &mut mpsc::Receiver<Train>) -> Event {
        let shared = self.shared;
        let train = |train: Option<Train>| train.map_or(Event::End, Event::Train);
        let under_way = self.session.under_way() > 0;
        let wakes = self.wakes();
        if self.oldest.is_none() && wakes.is_none() && !under_way {
            return train(input.recv().await);
        }
        loop {
            let starving = shared.starving.load(Relaxed) && self.oldest.is_some();
            let linger = shared.stages[shared.loader_index()].settings.linger;
            let full = self.oldest.map(|oldest| if starving { tokio::time::Instant::now() + PATIENCE } else { oldest + linger });
            let time = reached(full.into_iter().chain(wakes).min());
            tokio::select! {
                biased;
                landed = self.session.landed(), if under_way => return landed.map_or(Event::Time, Event::Landed),
                came = input.recv() => return train(came),
                () = shared.starves.notified(), if !starving => {}
                () = time => return Event::Time,
            }
        }
    }

    /// When a checkpoint is to be written or the claim to be renewed, as far as no transaction does it: each
    /// renews the claim.
    fn wakes(&self) -> Option<tokio::time::Instant> {
        let idle = self.session.under_way() == 0;
        self.delivery.as_ref().filter(|_| idle).and_then(|delivery| delivery.wakes())
    }

    /// Waits until `records` may pass at the loader's rate. What is under way goes on meanwhile, and so does the
    /// claim.
    async fn keep_pace(&mut self, records: usize, ledger: &mut Ledger<'_, C>) {
        let shared = self.shared;
        let mut pace = pin!(shared.stages[shared.loader_index()].keep_pace(records));
        loop {
            let (under_way, wakes) = (self.session.under_way() > 0, reached(self.wakes()));
            tokio::select! {
                biased;
                () = &mut pace => return,
                landed = self.session.landed(), if under_way => {
                    if let Some(landed) = landed {
                        self.land(landed, ledger).await;
                    }
                }
                () = wakes => self.follow().await,
            }
        }
    }

    /// Writes a checkpoint or renews the claim, if it is time.
    async fn follow(&mut self) {
        let Some(delivery) = &mut self.delivery else { return };
        if self.shared.stop.abort.is_cancelled() {
            return;
        }
        // Who waits for an answer of the target keeps the others waiting, and some of them hold the lease.
        let idle = self.session.under_way() == 0;
        let mut woken = if idle { delivery.wake(self.session, self.letters).await } else { Ok(()) };
        if let Some(marker) = self.shared.marker.get().filter(|marker| woken.is_ok() && marker.is_suspicious()) {
            woken = delivery.catch_up(self.session, self.letters).await;
            marker.done(delivery.tracker().done().count());
        }
        if let Err(error) = woken {
            let stage = &self.shared.stages[self.shared.loader_index()];
            self.shared.fail(stage.failure(error));
        }
    }

    /// In a replay: has the letters of all that was loaded taken away, as long as there is somebody who
    /// does.
    async fn settle(&mut self) {
        let Some(delivery) = self.delivery.as_mut().filter(|delivery| delivery.is_replay()) else { return };
        if let Err(error) = delivery.checkpoint(self.session, self.letters).await {
            self.shared.fail(self.shared.stages[self.shared.loader_index()].failure(error));
        }
    }

    /// Loads all that waits.
    async fn load_rest(&mut self) {
        let mut ledger = Ledger::new(self.shared, self.shared.loader_index(), 1);
        while !self.session.is_idle() && !self.shared.stop.abort.is_cancelled() {
            if self.delivery.is_none() {
                let waiting = self.session.waiting();
                return self.load_records(waiting, &mut ledger).await;
            }
            self.load_batch(&mut ledger).await;
        }
    }

    /// Loads a batch of what waits, or sets out to, where others may be under way at the same time.
    async fn load_batch(&mut self, ledger: &mut Ledger<'_, C>) {
        use tracing::Instrument;
        let stage = &self.shared.stages[self.shared.loader_index()];
        if self.delivery.is_none() {
            return self.load_records(stage.settings.batch, ledger).await;
        }
        self.keep_pace(self.session.waiting().min(stage.settings.batch), ledger).await;
        let Some(delivery) = &mut self.delivery else { return };
        if let Some(sealing) = delivery.sealing(self.letters) {
            self.session.set_out(sealing);
            while self.session.under_way() >= self.lanes() {
                self.land_next(ledger).await;
            }
            return;
        }
        let _busy = stage.enter(1);
        let span = tracing::debug_span!(parent: &stage.span, "batch");
        delivery.load(self.shared, self.session, ledger, self.letters).instrument(span).await;
        self.follow().await;
    }

    /// How many transactions may be under way at once.
    fn lanes(&self) -> usize {
        let shared = self.shared;
        // Who looks for the record that kills the process tries one parcel at a time.
        let is_suspicious = shared.marker.get().is_some_and(|marker| marker.is_suspicious());
        // What becomes one transaction in the end is made on one connection.
        let alone = is_suspicious || shared.outline.policy.atomic == Atomic::Run || !self.session.is_concurrent();
        if alone { 1 } else { shared.stages[shared.loader_index()].settings.concurrency.max(1) }
    }

    async fn land(&mut self, landed: Landed, ledger: &mut Ledger<'_, C>) {
        let Some(delivery) = &mut self.delivery else { return };
        delivery.landed(landed, self.shared, ledger, self.letters).await;
        self.follow().await;
    }

    async fn land_next(&mut self, ledger: &mut Ledger<'_, C>) {
        if let Some(landed) = self.session.landed().await {
            self.land(landed, ledger).await;
        }
    }

    /// Waits for all that is under way.
    async fn land_all(&mut self) {
        let mut ledger = Ledger::new(self.shared, self.shared.loader_index(), 1);
        while self.session.under_way() > 0 {
            self.land_next(&mut ledger).await;
        }
    }

    /// Loads the first `count` records that wait, of a run that nothing follows.
    async fn load_records(&mut self, count: usize, ledger: &mut Ledger<'_, C>) {
        use tracing::Instrument;
        let index = self.shared.loader_index();
        let stage = &self.shared.stages[index];
        let _busy = stage.enter(1);
        stage.keep_pace(count).await;
        let span = tracing::debug_span!(parent: &stage.span, "batch", records = count);
        let begun = Instant::now();
        let Loaded { tally, origins, .. } = self.session.load(Amount::Records(count)).instrument(span).await;
        let excluded = ledger.record(index, tally, begun.elapsed());
        if !excluded.is_empty() {
            let entries = excluded.into_iter().zip(origins).collect();
            self.letters.post(vec![Letters { stage: index, entries }]).await;
        }
    }

    fn give_up(&mut self) {
        if !self.session.is_idle() {
            let tally = self.session.give_up();
            self.shared.record(self.shared.loader_index(), tally, Duration::ZERO);
        }
    }
}
