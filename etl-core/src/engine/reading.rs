//! Reading: one thread that opens the source, validates it, and hands over chunks as long as there
//! is room in the memory budget.

use std::ops::Range;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use futures::FutureExt;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::ledger::Ledger;
use super::letters::{Letters, Postbox};
use super::panics::guarded_async;
use super::parcel::{Parcel, Records, Share, Train, Undecoded};
use super::retry::{Begun, pauses};
use super::runners::timed_out;
use super::segment::{Clock, decode};
use super::shared::{BUDGET_UNIT, Shared};
use super::steps::{ErasedChunk, Reader};
use super::suspect::{Marker, until_done};
use crate::contract::error::{Class, Error, ErrorKind, Result};
use crate::contract::position::Cursor;
use crate::contract::source::{Identity, SourceInfo, Wanted};

/// Bytes of a chunk: large enough to be worth a hand-over, small enough to stay in the cache.
const CHUNK_BYTES: u64 = 1 << 20;
/// Small chunks travel together up to this, lest what travels leaves the cache.
const TRAIN_BYTES: usize = 1 << 20;
/// Where reading is kept to a rate, what is read at once comes in this time.
const EVENLY: Duration = Duration::from_millis(100);
/// A chunk that took longer does not wait for others: the hand-over is the smaller part.
const QUICK: Duration = Duration::from_micros(200);

/// Opens and validates the source.
pub(super) async fn open<C>(shared: &Shared<C>) -> Result<Box<dyn Reader + '_>> {
    let stage = &shared.stages[0];
    let mut pauses = pauses(stage, Begun::now(&stage.settings));
    let mut attempts = 1;
    loop {
        let opened = guarded_async(async {
            let opening = async {
                let mut reader = shared.source.open(&shared.context).await?;
                reader.validate().await?;
                Ok(reader)
            };
            match stage.settings.timeout {
                None => opening.await,
                Some(limit) => {
                    tokio::time::timeout(limit, opening).await.unwrap_or_else(|_elapsed| Err(timed_out(limit).with_class(Class::Retry)))
                }
            }
        })
        .await;
        let error = match opened {
            Ok(Ok(reader)) => {
                let _first_time = shared.source_info.set(reader.info());
                return Ok(reader);
            }
            Ok(Err(error)) | Err(error) => error,
        };
        match pauses.next() {
            Some(pause) if error.class() == Class::Retry && !shared.stop.drain.is_cancelled() => stage.pause(pause).await,
            _ => return Err(stage.failure(error.after(attempts))),
        }
        attempts += 1;
    }
}

/// What the reading thread is asked before records move.
pub(super) enum Ask {
    /// What tells the source's content from another.
    Identity(Option<u64>, oneshot::Sender<Result<Option<Identity>>>),
    /// To begin there.
    Seek(Cursor, oneshot::Sender<Result<()>>),
    /// To read.
    Go,
}

/// What the reading thread says when the source is open, and what it is asked then.
pub(super) struct Start {
    pub(super) ready: oneshot::Sender<Result<SourceInfo>>,
    pub(super) asks: mpsc::Receiver<Ask>,
}

/// How reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadEnd {
    /// At the end of the source.
    Whole,
    /// Where `--limit` says.
    Limited,
    /// Before, because the run was stopped.
    Stopped,
}

impl ReadEnd {
    /// `left` says whether all that was read has been handed over.
    fn if_handed_over(self, left: bool) -> Self {
        if left { self } else { Self::Stopped }
    }
}

/// Reads until the source ends or the run is stopped.
pub(super) async fn read<C>(shared: &Shared<C>, start: Start, letters: Postbox, output: mpsc::Sender<Train>) -> ReadEnd {
    let Start { ready, mut asks } = start;
    let mut reader = match open(shared).await {
        Ok(reader) => reader,
        Err(error) => {
            let _nobody_waits = ready.send(Err(error));
            return ReadEnd::Stopped;
        }
    };
    if ready.send(Ok(reader.info())).is_err() {
        return ReadEnd::Stopped;
    }
    loop {
        let stage = &shared.stages[0];
        match asks.recv().await {
            None => return ReadEnd::Stopped,
            Some(Ask::Go) => break,
            Some(Ask::Identity(head, answer)) => {
                let _nobody_waits = answer.send(reader.identity(head).map_err(|error| stage.failure(error)));
            }
            Some(Ask::Seek(from, answer)) => {
                let sought = guarded_async(reader.seek(from)).await.and_then(|sought| sought).map(drop);
                let _nobody_waits = answer.send(sought.map_err(|error| stage.failure(error)));
            }
        }
    }
    let settings = &shared.stages[0].settings;
    // At a rate, records travel in small batches, lest they come in bursts.
    let at_once = settings.rate.map_or(u64::MAX, |rate| rate.records_in(EVENLY));
    // What is committed together must fit one batch of the loader, and what waits together one of an
    // async stage, because a parcel that is followed is never cut.
    let whole = if shared.followed.get().is_some() { shared.smallest_batch() } else { usize::MAX };
    let wanted = Wanted {
        records: settings.batch.min(whole).min(usize::try_from(at_once).unwrap_or(usize::MAX)),
        bytes: usize::try_from(CHUNK_BYTES.min(shared.options.memory / 8).max(4 << 10)).unwrap_or(usize::MAX),
        linger: settings.linger,
    };
    let (done, next) = shared.followed.get().map_or((0, 0), |followed| (followed.done.count(), followed.done.low().ordinal));
    let mut reached = Reached { left: shared.options.limit, next, last: 0..0, handed_over: done };
    let mut train = Filling::new(reader.never_blocks() && settings.rate.is_none());
    for sequence in 0.. {
        if reached.left == Some(0) {
            return ReadEnd::Limited.if_handed_over(train.leave(&output).await);
        }
        let marker = shared.marker.get().filter(|marker| marker.is_suspicious());
        let tried = match marker.map(|marker| marker.try_next(reached.next, wanted.records)) {
            None => None,
            Some(Ok(tried)) => tried,
            Some(Err(error)) => {
                shared.fail(error);
                return ReadEnd::Stopped;
            }
        };
        let wanted = Wanted { records: tried.unwrap_or(wanted.records), ..wanted };
        let begun = Instant::now();
        let busy = shared.stages[0].enter(0);
        let chunk = {
            let mut next = pin!(guarded_async(reader.read(wanted)));
            match next.as_mut().now_or_never() {
                Some(chunk) => Some(chunk),
                // Nobody waits for a source that makes wait.
                None => {
                    if !train.leave(&output).await {
                        return ReadEnd::Stopped;
                    }
                    tokio::select! {
                        biased;
                        () = shared.stop.drain.cancelled() => None,
                        chunk = next => Some(chunk),
                    }
                }
            }
        };
        drop(busy);
        let stops = shared.stop.drain.is_cancelled();
        // What has been read is finished, also what a source had that cannot be read again.
        let chunk = match chunk.unwrap_or_else(|| Ok(Ok(reader.taken()))) {
            _ if shared.stop.abort.is_cancelled() => return ReadEnd::Stopped,
            Ok(Ok(Some(chunk))) => Ok(Ok(Some(chunk))),
            _ if stops => {
                train.leave(&output).await;
                return ReadEnd::Stopped;
            }
            ended => ended,
        };
        let ErasedChunk(chunk) = match chunk {
            Ok(Ok(Some(chunk))) => chunk,
            Ok(Ok(None)) => return ReadEnd::Whole.if_handed_over(train.leave(&output).await),
            Ok(Err(error)) | Err(error) => {
                shared.fail(shared.stages[0].failure(error));
                return ReadEnd::Stopped;
            }
        };
        shared.metrics.read_bytes(chunk.source_bytes());
        let bytes = chunk.bytes();
        if train.is_full_with(bytes, shared.trains.length()) && !train.leave(&output).await {
            return ReadEnd::Stopped;
        }
        // Whoever waits for memory must not hold back what others may be done with.
        if shared.budget.available_permits() < units(bytes, shared) as usize && !train.leave(&output).await {
            return ReadEnd::Stopped;
        }
        let from = reached.next;
        match pack(shared, sequence, chunk, &mut reached, &letters).await {
            None => return ReadEnd::Stopped,
            // All of it was done before.
            Some(parcel) if parcel.is_empty() && !stops => continue,
            Some(parcel) => train.add(parcel, bytes),
        }
        if let (Some(marker), Some(tried)) = (marker, tried) {
            let asked = from..from + tried as u64;
            let others = reached.last.start < asked.start || reached.last.end > asked.end;
            if let Err(error) = if others { marker.tries(reached.last.clone()) } else { Ok(()) } {
                shared.fail(error);
                return ReadEnd::Stopped;
            }
            if !train.leave(&output).await {
                return ReadEnd::Stopped;
            }
            until_done(shared, marker, reached.handed_over).await;
        }
        if stops {
            train.leave(&output).await;
            return ReadEnd::Stopped;
        }
        let waits = train.may_wait && begun.elapsed() < QUICK;
        if !waits && !train.leave(&output).await {
            return ReadEnd::Stopped;
        }
    }
    ReadEnd::Whole
}

/// Parcels that will leave together.
struct Filling {
    train: Train,
    bytes: usize,
    /// Whether the source never keeps the thread, so that what waits here does not wait for it.
    may_wait: bool,
}

impl Filling {
    fn new(may_wait: bool) -> Self {
        Self { train: Train::new(), bytes: 0, may_wait }
    }

    fn is_full_with(&self, bytes: usize, length: usize) -> bool {
        self.train.len() >= length || self.bytes + bytes > TRAIN_BYTES
    }

    fn add(&mut self, parcel: Parcel, bytes: usize) {
        self.train.push(parcel);
        self.bytes += bytes;
    }

    /// Hands over what there is; `false` when nobody takes it any more.
    async fn leave(&mut self, output: &mpsc::Sender<Train>) -> bool {
        self.bytes = 0;
        // The next one is about as long.
        let next = Train::with_capacity(self.train.len());
        self.train.is_empty() || output.send(std::mem::replace(&mut self.train, next)).await.is_ok()
    }
}

/// How far reading has come.
struct Reached {
    /// How many records may still be read.
    left: Option<u64>,
    /// The number of the next record, where records are counted here.
    next: u64,
    /// Those that were read last.
    last: Range<u64>,
    /// How many records are done when all that was handed over is.
    handed_over: u64,
}

/// Makes a chunk ready to travel: its part of the memory budget, and where `--limit` or a rate counts
/// records, its records too.
async fn pack<C>(shared: &Shared<C>, sequence: u64, chunk: Box<dyn Undecoded>, reached: &mut Reached, letters: &Postbox) -> Option<Parcel> {
    let units = units(chunk.bytes(), shared);
    let permit = match Arc::clone(&shared.budget).try_acquire_many_owned(units) {
        Ok(permit) => Some(permit),
        Err(_others_hold_it) => {
            shared.starving.store(true, Relaxed);
            shared.starves.notify_one();
            let permit = tokio::select! {
                biased;
                () = shared.stop.abort.cancelled() => return None,
                permit = Arc::clone(&shared.budget).acquire_many_owned(units) => permit.ok(),
            };
            shared.starving.store(false, Relaxed);
            permit
        }
    };
    let stage = &shared.stages[0];
    let mut coverage = None;
    let suspicious = shared.marker.get().is_some_and(Marker::is_suspicious);
    let records = if reached.left.is_some() || stage.settings.rate.is_some() || suspicious {
        let decoded = decode(shared, sequence, chunk, reached.left, &mut Clock::start(), &mut Ledger::new(shared, 0, 1))?;
        let (records, excluded) = (decoded.records, decoded.excluded);
        // Those that an earlier run has done are passed over.
        let count = records.len() + excluded.len();
        coverage = decoded.coverage;
        reached.left = reached.left.map(|left| left - count as u64);
        let first = if decoded.count == 0 { reached.next } else { records.origin.position(0).ordinal };
        reached.last = first..first + decoded.count as u64;
        reached.next = reached.last.end;
        reached.handed_over += coverage.as_ref().map_or(0, |coverage| coverage.records());
        let entries: Vec<_> = excluded.into_iter().map(|excluded| (excluded, Arc::clone(&records.origin))).collect();
        if !entries.is_empty() {
            letters.post(vec![Letters { stage: 0, entries }]).await;
        }
        tokio::select! {
            biased;
            // What has been read is finished at once.
            () = shared.stop.drain.cancelled() => {}
            () = stage.keep_pace(count) => {}
        }
        Records::Decoded(records)
    } else {
        Records::Undecoded(chunk)
    };
    Some(Parcel { sequence, records, share: Share::new(permit), coverage })
}

/// A chunk larger than the whole budget takes all of it and travels alone.
fn units<C>(bytes: usize, shared: &Shared<C>) -> u32 {
    let all = shared.options.memory.div_ceil(BUDGET_UNIT).clamp(1, Semaphore::MAX_PERMITS as u64);
    u32::try_from((bytes as u64).div_ceil(BUDGET_UNIT).clamp(1, all)).unwrap_or(u32::MAX)
}

/// That a thread of the engine ended before its time.
pub(super) fn lost(what: &str) -> Error {
    Error::new(ErrorKind::Panicked, format!("the {what} thread was lost")).hint("this is a bug in the engine: please report it")
}
