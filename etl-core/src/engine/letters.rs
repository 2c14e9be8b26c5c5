//! What was left out on its way to the dead letters: a thread of its own writes the rejected, counts
//! the reasons of all, and finds errors in a row.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tokio::sync::{mpsc, oneshot};

use super::parcel::Excluded;
use super::shared::Shared;
use crate::contract::error::{Class, Result};
use crate::contract::source::Origin;
use crate::delivery::dead_letters::{DeadLetter, DeadLetters, Payload};
use crate::delivery::rows::ErrorRows;
use crate::observe::report::Reason;

/// How many reasons a report lists.
const REASONS: usize = 10;

/// Excluded records of one stage and batch, on their way to the dead letters.
pub(super) struct Letters {
    pub(super) stage: usize,
    pub(super) entries: Vec<(Excluded, Arc<dyn Origin>)>,
}

impl Letters {
    /// `None` where nothing was excluded.
    pub(super) fn of(stage: usize, excluded: Vec<Excluded>, origin: &Arc<dyn Origin>) -> Option<Self> {
        let entries: Vec<_> = excluded.into_iter().map(|excluded| (excluded, Arc::clone(origin))).collect();
        (!entries.is_empty()).then_some(Self { stage, entries })
    }
}

pub(super) enum Post {
    Letters(Vec<Letters>),
    /// Answered when all that was posted before is durable.
    Sync(oneshot::Sender<()>),
    /// These records are committed: in a replay, the letters of those that were not rejected again are
    /// taken away.
    Settled(Arc<str>, Vec<Range<u64>>),
}

/// Where what was excluded goes: that of a train at once, because each message wakes the thread that
/// writes it.
#[derive(Clone)]
pub(super) struct Postbox {
    queue: mpsc::Sender<Post>,
    /// Rejected records were posted that are not known to be durable.
    waiting: Arc<AtomicBool>,
}

impl Postbox {
    /// With the end that the letters are taken out of; so many messages wait at most.
    pub(super) fn new(capacity: usize) -> (Self, mpsc::Receiver<Post>) {
        let (queue, receiver) = mpsc::channel(capacity);
        (Self { queue, waiting: Arc::default() }, receiver)
    }

    pub(super) async fn post(&self, letters: Vec<Letters>) {
        if letters.is_empty() {
            return;
        }
        if letters.iter().flat_map(|letters| &letters.entries).any(|(excluded, _)| excluded.class == Class::Reject) {
            self.waiting.store(true, Relaxed);
        }
        // The receiver only goes when it failed, and then the run has too.
        let _failed = self.queue.send(Post::Letters(letters)).await;
    }

    /// Says which records of a replay are committed.
    pub(super) async fn settled(&self, partition: Arc<str>, ranges: Vec<Range<u64>>) {
        if !ranges.is_empty() {
            let _failed = self.queue.send(Post::Settled(partition, ranges)).await;
        }
    }

    /// Waits until every rejected record that was posted is durable: no commit passes one that is not
    /// (I1). `false` where they cannot be written; the run has failed then.
    ///
    /// Whoever holds a batch has seen the letters of the stages before it posted.
    pub(super) async fn durable(&self) -> bool {
        if !self.waiting.swap(false, Relaxed) {
            return true;
        }
        let (done, is_done) = oneshot::channel();
        self.queue.send(Post::Sync(done)).await.is_ok() && is_done.await.is_ok()
    }
}

/// The thread of the dead letters: writes the rejected, and counts the reasons of all that were
/// left out.
pub(super) async fn write_letters<C>(
    shared: &Shared<C>,
    mut file: Option<DeadLetters>,
    mut queue: mpsc::Receiver<Post>,
) -> Result<(u64, Vec<Reason>)> {
    let mut reasons: BTreeMap<(usize, &'static str, Class), Reason> = BTreeMap::new();
    let counts_rows = shared.options.threshold.in_a_row.is_some();
    // What earlier runs have found is known once the first record moves.
    let earlier = || shared.followed.get().map_or_else(ErrorRows::default, |followed| ErrorRows::of(&followed.error_rows));
    let mut rows = None;
    while let Some(post) = queue.recv().await {
        let written = match post {
            Post::Letters(letters) => {
                if counts_rows {
                    let rows = rows.get_or_insert_with(earlier);
                    letters.iter().flat_map(|letters| &letters.entries).for_each(|(excluded, origin)| {
                        let at = origin.position(excluded.input).ordinal;
                        rows.insert(at..at + 1);
                    });
                    shared.watch_rows(rows);
                }
                letters.into_iter().try_for_each(|letters| write(shared, letters, file.as_mut(), &mut reasons))
            }
            Post::Settled(partition, ranges) => match &mut file {
                Some(file) => ranges.into_iter().try_for_each(|range| file.settled(&partition, range)),
                None => Ok(()),
            },
            Post::Sync(done) => file.as_mut().map_or(Ok(()), DeadLetters::sync).map(|()| {
                let _nobody_waits = done.send(());
            }),
        };
        if let Err(error) = written {
            // At once, so that nothing more is read; the queue is emptied as the others stop.
            shared.stop.abort();
            queue.close();
            return Err(error);
        }
    }
    if counts_rows && !shared.stop.abort.is_cancelled() {
        shared.watch_rows(&rows.unwrap_or_else(earlier));
    }
    let written = file.map_or(Ok(0), DeadLetters::close)?;
    let mut reasons: Vec<_> = reasons.into_values().collect();
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.records));
    reasons.truncate(REASONS);
    Ok((written, reasons))
}

fn write<C>(
    shared: &Shared<C>,
    Letters { stage, entries }: Letters,
    mut file: Option<&mut DeadLetters>,
    reasons: &mut BTreeMap<(usize, &'static str, Class), Reason>,
) -> Result<()> {
    let name = shared.stages[stage].definition.name;
    for (excluded, origin) in entries {
        reasons
            .entry((stage, excluded.code, excluded.class))
            .or_insert_with(|| Reason::new(name, excluded.code, &excluded.message, excluded.class))
            .records += 1;
        let Some(file) = file.as_mut().filter(|_| excluded.class == Class::Reject) else { continue };
        file.append(&DeadLetter {
            stage: name,
            position: origin.position(excluded.input),
            batch_start: origin.position(0).ordinal,
            kind: excluded.kind,
            code: excluded.code,
            column: excluded.column.as_deref(),
            message: &excluded.message,
            attempts: excluded.attempts,
            payload: payload(origin.as_ref(), excluded.input, excluded.shown.as_deref()),
            replayable: shared.stages[0].definition.options.replayable || shared.source_info.get().is_some_and(|info| info.replayable),
        })?;
    }
    Ok(())
}

fn payload<'a>(origin: &'a dyn Origin, input: u32, shown: Option<&'a [u8]>) -> Option<Payload<'a>> {
    origin.payload(input).map(Payload::Source).or_else(|| shown.map(Payload::Json))
}
