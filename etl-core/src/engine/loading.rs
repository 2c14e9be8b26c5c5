//! Loading: records are gathered to the loader's batch, and each batch goes on a [lane](super::lane) of
//! its own: one after the other, or as many at once as the loader's `concurrency` allows.

#![allow(missing_debug_implementations, reason = "machinery that appears in sealed signatures and is never printed")]

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use tracing::Instrument;

use super::lane::{Lane, RulesOf};
use super::lineage::{Lineage, Piece};
use super::panics::guarded_async;
use super::parcel::{DecodedRecords, Parcel, Records};
use super::sealing::Sealing;
use super::work::{Stage, Tally, Work};
use crate::contract::error::Result;
use crate::contract::source::Origin;
use crate::contract::stage::{Lent, Loader};
use crate::contract::target::{Abandoned, Claim, Entry, Keeps, Preparation, Recalled, Receipt, Target};
use crate::delivery::tracker::Coverage;

/// A loader at work, its record type erased.
pub trait LoadSession: Send {
    /// The target's name.
    fn target(&self) -> String;
    /// Whether what is committed appears all at once, at the end of the run.
    fn appears_whole(&self) -> bool;
    /// Looks whether records can be written, and makes ready.
    fn prepare(&mut self, preparation: Preparation) -> BoxFuture<'_, Result<()>>;
    /// Opens the connection.
    fn connect(&mut self) -> BoxFuture<'_, Result<()>>;
    /// Where it is kept how far the run has come.
    fn keeps(&self) -> Keeps;
    /// Looks what has become of an earlier run's mark.
    fn recall<'s>(&'s self, mark: &'s str) -> BoxFuture<'s, Result<Recalled>>;
    /// Becomes the only run that can commit, and reads the ledger.
    fn claim<'s>(&'s mut self, claim: &'s Claim) -> BoxFuture<'s, Result<Vec<Entry>>>;
    /// Says that the run is still alive.
    fn renew(&mut self) -> BoxFuture<'_, Result<()>>;
    /// Makes durable what was committed, and says what of the target that is.
    fn checkpoint(&mut self) -> BoxFuture<'_, Result<Option<String>>>;
    /// The same of everything, as it will be published.
    fn seal(&mut self) -> BoxFuture<'_, Result<Option<String>>>;
    /// Takes records that are to be loaded.
    fn gather(&mut self, parcel: Parcel);
    /// How many records wait.
    fn waiting(&self) -> usize;
    /// Whether nothing waits, not even a parcel without records that is still to be noted as done.
    fn is_idle(&self) -> bool;
    /// Loads some of what waits.
    fn load(&mut self, amount: Amount) -> BoxFuture<'_, Loaded>;
    /// Whether several transactions can be under way at once.
    fn is_concurrent(&self) -> bool;
    /// Sets out to load the first parcels that wait and to note them in the target's ledger, in one
    /// transaction. Nothing happens before [`landed`](Self::landed) is awaited.
    fn set_out(&mut self, sealing: Sealing);
    /// How many of these transactions are under way.
    fn under_way(&self) -> usize;
    /// Waits for the first of them to end; `None` where there is none.
    fn landed(&mut self) -> BoxFuture<'_, Option<Landed>>;
    /// Notes in the target's ledger that the source is at its end.
    fn seal_end<'s>(&'s mut self, receipt: &'s Receipt) -> BoxFuture<'s, Result<()>>;
    /// Gives up the records that wait.
    fn give_up(&mut self) -> Tally;
    /// The run ended well: what was committed becomes durable and visible.
    fn publish(&mut self) -> BoxFuture<'_, Result<()>>;
    /// The run did not end well.
    fn abandon(&mut self) -> BoxFuture<'_, Abandoned>;
}

/// How much of what waits is loaded.
#[derive(Clone, Copy, Debug)]
pub enum Amount {
    /// The first so many records.
    Records(usize),
    /// The first parcels, whole, as many as a batch has room for.
    Parcels,
}

/// What came of a load.
pub struct Loaded {
    pub(super) tally: Tally,
    /// The origin of each excluded record.
    pub(super) origins: Vec<Arc<dyn Origin>>,
    /// What of the source was loaded, where the run is followed.
    pub(super) covered: Vec<Coverage>,
}

/// What came of a transaction with whole parcels.
pub struct Landed {
    pub(super) tally: Tally,
    pub(super) covered: Vec<Coverage>,
    /// A commit was asked for, and nobody knows whether it took place.
    pub(super) in_doubt: bool,
    pub(super) begun: Instant,
}

/// A lane that comes back, with what it was lent.
struct Returned<'a, S: Loader> {
    lane: Lane<'a, S>,
    rows: Vec<S::In>,
    lineage: Lineage,
    landed: Landed,
}

pub(crate) struct Session<'a, S: Loader> {
    lent: Lent<'a, S::Needs>,
    rules: RulesOf<'a, S>,
    stage: &'a Stage,
    /// Those on which nothing is under way, the one that was used last at the end.
    lanes: Vec<Lane<'a, S>>,
    under_way: FuturesUnordered<BoxFuture<'a, Returned<'a, S>>>,
    rows: Vec<S::In>,
    /// The vectors of earlier batches, for the records that wait behind the next ones.
    spares: Vec<Vec<S::In>>,
    /// Where the waiting records came from, in the same order.
    pieces: VecDeque<Piece>,
    /// Those of earlier batches, emptied.
    lineages: Vec<Lineage>,
}

impl<'a, S: Loader> Session<'a, S> {
    pub(crate) fn new(lent: Lent<'a, S::Needs>, rules: RulesOf<'a, S>, stage: &'a Stage) -> Self {
        Self {
            lent,
            rules,
            stage,
            lanes: Vec::new(),
            under_way: FuturesUnordered::new(),
            rows: Vec::new(),
            spares: Vec::new(),
            pieces: VecDeque::new(),
            lineages: Vec::new(),
        }
    }

    /// A lane on which nothing is under way.
    fn lane(&mut self) -> &mut Lane<'a, S> {
        if self.lanes.is_empty() {
            self.lanes.push(Lane::new(self.lent, self.rules, self.stage));
        }
        let Some(lane) = self.lanes.last_mut() else { unreachable!("there is one") };
        lane
    }

    /// Takes back what a batch was loaded with.
    fn put_back(&mut self, mut rows: Vec<S::In>, mut lineage: Lineage) {
        rows.clear();
        self.spares.push(rows);
        lineage.clear().filter_map(|piece| piece.inputs).for_each(|inputs| self.stage.spares.give(inputs));
        self.lineages.push(lineage);
    }

    /// Takes the first `count` waiting records, and where each came from.
    fn take(&mut self, count: usize) -> (Vec<S::In>, Lineage) {
        let mut rest = self.spares.pop().unwrap_or_default();
        rest.extend(self.rows.drain(count..));
        let rows = std::mem::replace(&mut self.rows, rest);
        let mut lineage = self.lineages.pop().unwrap_or_default();
        let mut missing = count;
        while missing > 0 {
            let Some(mut piece) = self.pieces.pop_front() else { break };
            if piece.length > missing {
                let front = piece.split_front(missing);
                self.pieces.push_front(piece);
                piece = front;
            }
            missing -= piece.length;
            lineage.push(piece);
        }
        (rows, lineage)
    }

    /// Takes whole parcels, as many as a batch has room for, and at least one; and what they cover.
    fn take_parcels(&mut self) -> (Vec<S::In>, Lineage, Vec<Coverage>) {
        let (mut count, mut covered) = (0, Vec::new());
        let mut pieces = std::mem::take(&mut self.pieces);
        let mut taken = VecDeque::new();
        while let Some(mut piece) = pieces.pop_front() {
            if !covered.is_empty() && count + piece.length > self.stage.settings.batch {
                pieces.push_front(piece);
                break;
            }
            count += piece.length;
            covered.extend(piece.coverage.take().map(|coverage| *coverage));
            if piece.length > 0 {
                taken.push_back(piece);
            }
        }
        self.pieces = taken;
        let (rows, lineage) = self.take(count);
        self.pieces = pieces;
        (rows, lineage, covered)
    }
}

impl<S: Loader> LoadSession for Session<'_, S> {
    fn target(&self) -> String {
        S::target(self.lent).name().into_owned()
    }

    fn appears_whole(&self) -> bool {
        S::target(self.lent).appears_whole()
    }

    fn prepare(&mut self, preparation: Preparation) -> BoxFuture<'_, Result<()>> {
        S::target(self.lent).prepare(preparation).boxed()
    }

    fn connect(&mut self) -> BoxFuture<'_, Result<()>> {
        async move {
            let target = S::target(self.lent);
            self.lane().link.ready(target).await?;
            Ok(())
        }
        .boxed()
    }

    fn keeps(&self) -> Keeps {
        S::target(self.lent).keeps()
    }

    fn recall<'s>(&'s self, mark: &'s str) -> BoxFuture<'s, Result<Recalled>> {
        S::target(self.lent).recall(mark).boxed()
    }

    fn claim<'s>(&'s mut self, claim: &'s Claim) -> BoxFuture<'s, Result<Vec<Entry>>> {
        async move {
            let target = S::target(self.lent);
            target.claim(self.lane().link.ready(target).await?, claim).await
        }
        .boxed()
    }

    fn renew(&mut self) -> BoxFuture<'_, Result<()>> {
        async move {
            let target = S::target(self.lent);
            target.renew(self.lane().link.ready(target).await?).await
        }
        .boxed()
    }

    fn checkpoint(&mut self) -> BoxFuture<'_, Result<Option<String>>> {
        async move {
            let target = S::target(self.lent);
            target.checkpoint(self.lane().link.ready(target).await?).await
        }
        .boxed()
    }

    fn seal(&mut self) -> BoxFuture<'_, Result<Option<String>>> {
        async move {
            let target = S::target(self.lent);
            target.seal(self.lane().link.ready(target).await?).await
        }
        .boxed()
    }

    fn seal_end<'s>(&'s mut self, receipt: &'s Receipt) -> BoxFuture<'s, Result<()>> {
        self.lane().seal_alone(receipt).boxed()
    }

    fn gather(&mut self, parcel: Parcel) {
        // The last segment decodes, so a parcel that arrives here always is.
        let Records::Decoded(mut records) = parcel.records else { return };
        // One of which nothing is left has the rows of the stage that took the last of them.
        let mut rows: Vec<S::In> = if records.len() == 0 { Vec::new() } else { records.take() };
        let DecodedRecords { inputs, origin, .. } = records;
        if rows.is_empty() && parcel.coverage.is_none() {
            return;
        }
        self.pieces.push_back(Piece { origin, inputs, start: 0, length: rows.len(), share: parcel.share, coverage: parcel.coverage });
        // A parcel that is a batch is not copied; smaller ones are, to a vector that has the room.
        if self.rows.is_empty() && (rows.len() >= self.stage.settings.batch || rows.capacity() > self.rows.capacity()) {
            std::mem::swap(&mut self.rows, &mut rows);
        } else {
            self.rows.append(&mut rows);
        }
        self.stage.spares.give(rows);
    }

    fn waiting(&self) -> usize {
        self.rows.len()
    }

    fn is_idle(&self) -> bool {
        self.pieces.is_empty()
    }

    fn is_concurrent(&self) -> bool {
        <S::Target as Target>::CONCURRENT
    }

    fn set_out(&mut self, sealing: Sealing) {
        self.lane();
        let Some(mut lane) = self.lanes.pop() else { unreachable!("there is one") };
        let (rows, lineage, covered) = self.take_parcels();
        let stage = self.stage;
        let span = tracing::debug_span!(parent: &stage.span, "batch", records = rows.len());
        let load = async move {
            let _busy = stage.enter(1);
            let mut landed = Landed { tally: Tally::default(), covered, in_doubt: false, begun: Instant::now() };
            let Landed { tally, covered, in_doubt, .. } = &mut landed;
            let ended = guarded_async(lane.load_sealed(&rows, &lineage, covered, &sealing, in_doubt, tally)).await;
            if let Err(panic) = ended {
                landed.tally.fail(rows.len(), stage.failure(panic));
            }
            Returned { lane, rows, lineage, landed }
        };
        self.under_way.push(load.instrument(span).boxed());
    }

    fn under_way(&self) -> usize {
        self.under_way.len()
    }

    fn landed(&mut self) -> BoxFuture<'_, Option<Landed>> {
        async move {
            let Returned { lane, rows, lineage, landed } = self.under_way.next().await?;
            self.lanes.push(lane);
            self.put_back(rows, lineage);
            Some(landed)
        }
        .boxed()
    }

    fn load(&mut self, amount: Amount) -> BoxFuture<'_, Loaded> {
        async move {
            let (rows, lineage, covered) = match amount {
                Amount::Records(count) => {
                    let (rows, lineage) = self.take(count);
                    (rows, lineage, Vec::new())
                }
                Amount::Parcels => self.take_parcels(),
            };
            let mut tally = Tally { batches: 1, ..Tally::default() };
            let stage = self.stage;
            let mut work = Work::new(stage, &mut tally, &lineage, None, rows.len());
            // The tally says what happened, also where it stopped the run.
            let ended = guarded_async(self.lane().load_all(&rows, &mut work)).await;
            if let Err(panic) = ended {
                let at = work.at();
                let _stopped = work.stop(at, panic);
            }
            drop(work);
            // From the batch's own numbers to those of the source.
            let mut origins = Vec::with_capacity(tally.excluded.len());
            for excluded in &mut tally.excluded {
                let (origin, input) = lineage.of(excluded.input as usize);
                origins.push(Arc::clone(origin));
                excluded.input = input;
            }
            self.put_back(rows, lineage);
            Loaded { tally, origins, covered }
        }
        .boxed()
    }

    fn give_up(&mut self) -> Tally {
        let mut tally = Tally::default();
        tally.give_up(self.rows.len());
        self.rows.clear();
        self.pieces.clear();
        tally
    }

    fn publish(&mut self) -> BoxFuture<'_, Result<()>> {
        async move {
            let target = S::target(self.lent);
            self.lane().link.ready(target).await?;
            let Some(connection) = self.lane().link.take(target).await else { unreachable!("connected above") };
            target.publish(connection).await
        }
        .boxed()
    }

    fn abandon(&mut self) -> BoxFuture<'_, Abandoned> {
        async move {
            let target = S::target(self.lent);
            match self.lane().link.take(target).await {
                Some(connection) => target.abandon(connection).await,
                None => Abandoned::Kept,
            }
        }
        .boxed()
    }
}
