//! What was left out on its way to the dead letters: a thread of its own writes the rejected, counts
//! the reasons of all, and finds errors in a row.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::parcel::Excluded;
use super::shared::Shared;
use crate::contract::error::{Class, Result};
use crate::contract::source::Origin;
use crate::delivery::dead_letters::{DeadLetter, DeadLetters, Payload};
use crate::delivery::rows::ErrorRows;
use crate::observe::report::Reason;
use crate::sync::atomic::{AtomicBool, Ordering::Relaxed};
use crate::sync::mpsc;

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
        let rejected = letters.iter().flat_map(|letters| &letters.entries).any(|(excluded, _)| excluded.class == Class::Reject);
        // The receiver only goes when it failed, and then the run has too.
        let _failed = self.queue.send(Post::Letters(letters)).await;
        // Not before they are in the queue: whoever took the flag down in between would have its `Sync`
        // queued before them, and nobody would wait for them any more. (A swap and no store, because loom
        // would put a store before a swap that has not seen it.)
        if rejected {
            self.waiting.swap(true, Relaxed);
        }
    }

    /// Says which records of a replay are committed.
    pub(super) async fn settled(&self, partition: Arc<str>, ranges: Vec<Range<u64>>) {
        if !ranges.is_empty() {
            let _failed = self.queue.send(Post::Settled(partition, ranges)).await;
        }
    }

    /// Has what was posted made durable while the caller does something else, so that it waits the less for that
    /// later. Tells nothing: only [`Postbox::durable`] does.
    pub(super) async fn ahead(&self) {
        if self.waiting.load(Relaxed) {
            let (done, _nobody_waits) = oneshot::channel();
            let _failed = self.queue.send(Post::Sync(done)).await;
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
        let durable = self.queue.send(Post::Sync(done)).await.is_ok() && is_done.await.is_ok();
        if !durable {
            // Whoever asks next is told the same.
            self.waiting.store(true, Relaxed);
        }
        durable
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

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use futures::FutureExt;
    use tokio::task::{consume_budget, unconstrained};

    use super::*;
    use crate::contract::error::ErrorKind;
    use crate::contract::position::Position;

    struct Nowhere;

    impl Origin for Nowhere {
        fn position(&self, index: u32) -> Position {
            Position { partition: "numbers".into(), ordinal: u64::from(index), byte: None, line: None }
        }

        fn payload(&self, _: u32) -> Option<Cow<'_, [u8]>> {
            None
        }
    }

    fn rejected() -> Vec<Letters> {
        let excluded = Excluded {
            input: 0,
            class: Class::Reject,
            kind: ErrorKind::Transformation,
            code: "bad",
            column: None,
            message: Cow::Borrowed("bad"),
            attempts: 1,
            shown: None,
        };
        let origin: Arc<dyn Origin> = Arc::new(Nowhere);
        vec![Letters { stage: 1, entries: vec![(excluded, origin)] }]
    }

    /// A worker is interrupted in the middle of posting, just when the loader asks for another parcel.
    /// What the worker posts must still be waited for when the loader has that parcel.
    #[tokio::test]
    async fn i1_no_letter_is_overtaken_by_the_commit_of_its_parcel() {
        let (postbox, mut queue) = Postbox::new(4);
        postbox.post(rejected()).await;
        assert!(matches!(queue.recv().await, Some(Post::Letters(_))));

        // The task may do no more before it has yielded: so the letters are not in the queue yet.
        while consume_budget().now_or_never().is_some() {}
        let mut posting = Box::pin(postbox.post(rejected()));
        assert!(posting.as_mut().now_or_never().is_none());

        let mut asking = Box::pin(unconstrained(postbox.durable()));
        assert!(asking.as_mut().now_or_never().is_none());
        let Ok(Post::Sync(done)) = queue.try_recv() else { panic!("the letter before is to be durable") };
        done.send(()).unwrap();
        assert!(asking.await);

        posting.await;
        let mut asking = Box::pin(unconstrained(postbox.durable()));
        assert!(asking.as_mut().now_or_never().is_none(), "a letter that is not durable is waited for");
        assert!(matches!(queue.try_recv(), Ok(Post::Letters(_))));
        let Ok(Post::Sync(done)) = queue.try_recv() else { panic!("the second letter is to be durable") };
        done.send(()).unwrap();
        assert!(asking.await);
        assert!(postbox.durable().await, "nothing waits");
    }

    #[tokio::test]
    async fn i1_letters_that_could_not_be_written_stay_that_way() {
        let (postbox, queue) = Postbox::new(4);
        postbox.post(rejected()).await;
        drop(queue);
        assert!(!postbox.durable().await);
        assert!(!postbox.durable().await, "nor does a second question make them durable");
    }
}

#[cfg(all(test, etl_loom))]
mod interleavings {
    use loom::future::block_on;
    use loom::thread;

    use super::*;
    use crate::contract::error::ErrorKind;
    use crate::contract::position::Position;

    #[derive(Debug)]
    struct Nowhere;

    impl Origin for Nowhere {
        fn position(&self, index: u32) -> Position {
            Position { partition: "nowhere".into(), ordinal: u64::from(index), byte: None, line: None }
        }

        fn payload(&self, _index: u32) -> Option<std::borrow::Cow<'_, [u8]>> {
            None
        }
    }

    fn rejected() -> Vec<Letters> {
        let excluded = Excluded {
            input: 0,
            class: Class::Reject,
            kind: ErrorKind::Other,
            code: "refused",
            column: None,
            message: "".into(),
            attempts: 1,
            shown: None,
        };
        vec![Letters { stage: 0, entries: vec![(excluded, Arc::new(Nowhere))] }]
    }

    /// I1: whoever has been handed a parcel, and was told that all is durable, commits nothing whose
    /// letters are not written, also while others post and ask.
    #[test]
    fn no_commit_overtakes_a_letter() {
        loom::model(|| {
            let (postbox, mut queue) = Postbox::new(8);
            let (parcels, arrived) = loom::sync::mpsc::channel();
            let written = Arc::new(AtomicBool::new(false));
            let is_written = Arc::clone(&written);
            let writer = thread::spawn(move || {
                block_on(async {
                    while let Some(post) = queue.recv().await {
                        match post {
                            Post::Letters(_) => is_written.store(true, Relaxed),
                            Post::Sync(done) => drop(done.send(())),
                            Post::Settled(..) => {}
                        }
                    }
                });
            });
            let posts = postbox.clone();
            let worker = thread::spawn(move || {
                block_on(posts.post(rejected()));
                parcels.send(()).expect("the loader waits");
            });
            // For a batch before, of which nothing was rejected.
            assert!(block_on(postbox.durable()));
            arrived.recv().expect("a parcel");
            block_on(postbox.ahead());
            assert!(block_on(postbox.durable()));
            // A swap reads what was written last; loom does not know what tokio's channels order.
            assert!(written.swap(false, Relaxed), "a commit passes a letter");
            drop(postbox);
            worker.join().expect("the worker");
            writer.join().expect("the writer");
        });
    }
}
