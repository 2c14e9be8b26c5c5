//! A segment: adjacent stages that run one after another on a batch, in one worker or task,
//! without a hand-over between them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use futures::stream::{FuturesOrdered, FuturesUnordered};
use futures::{FutureExt, StreamExt};
use tokio::sync::mpsc;
use tracing::Instrument;

use super::coverage::cover;
use super::ledger::Ledger;
use super::letters::{Letters, Postbox};
use super::panics::{guarded, guarded_async};
use super::parcel::{DecodedRecords, Excluded, Parcel, Records, Train, Undecoded};
use super::shared::{Ports, Shared};
use super::steps::Step;
use super::suspect::{self, Marker};
use super::work::Tally;
use crate::contract::error::{Class, Error, ErrorKind, Result};
use crate::contract::needs::Context;
use crate::contract::source::{Malformed, Origin};
use crate::contract::stage::Role;
use crate::delivery::attempts::TRIES;
use crate::delivery::tracker::Coverage;

/// Adjacent stages, by index; 0 is the extractor, whose part here is decoding.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// Its place among the segments.
    pub(super) number: usize,
    pub(super) stages: Vec<usize>,
    /// Whether it awaits, and so runs as a task, not on a CPU worker.
    pub(super) is_async: bool,
    /// How many batches are under way at once.
    pub(super) window: usize,
    /// Whether batches go on as they are done.
    pub(super) unordered: bool,
    /// Larger batches are cut to this.
    pub(super) batch: Option<usize>,
}

/// Batches under way per worker: fewer let workers wait, more only hold memory.
const IN_FLIGHT: usize = 4;

/// Cuts the flow into segments: neighbours are one segment where both compute or both await, and
/// both may or both may not run side by side. A filter is stateless, so it joins whatever stands
/// before it.
pub(super) fn segments<C>(shared: &Shared<C>) -> Vec<Segment> {
    let threads = shared.options.threads.max(1);
    let mut segments =
        vec![Segment { number: 0, stages: vec![0], is_async: false, window: IN_FLIGHT * threads, unordered: false, batch: None }];
    for (step, stage) in shared.steps.iter().zip(&shared.stages[1..]) {
        let is_async = matches!(step, Step::Async(_));
        let parallel = stage.settings.parallel && !stage.definition.stateful;
        let window = match (parallel, is_async) {
            (false, _) => 1,
            (true, false) => IN_FLIGHT * threads,
            (true, true) => IN_FLIGHT,
        };
        let cut = is_async && !stage.definition.takes.is_batch();
        let segment = segments.last_mut().filter(|last| {
            last.is_async == is_async
                && (stage.definition.role == Role::Filter || (last.window > 1) == (window > 1))
                && !(cut && last.batch.is_some())
        });
        match segment {
            Some(segment) => {
                segment.stages.push(stage.index);
                segment.unordered |= stage.settings.unordered;
            }
            None => segments.push(Segment {
                number: segments.len(),
                stages: vec![stage.index],
                is_async,
                window,
                unordered: stage.settings.unordered,
                batch: cut.then_some(stage.settings.batch),
            }),
        }
    }
    segments
}

/// What is left of a train after a segment.
#[derive(Default)]
struct Done {
    train: Train,
    letters: Vec<Letters>,
}

enum Pending {
    Ordered(FuturesOrdered<BoxFuture<'static, Option<Done>>>),
    Unordered(FuturesUnordered<BoxFuture<'static, Option<Done>>>),
}

impl Pending {
    fn len(&self) -> usize {
        match self {
            Self::Ordered(all) => all.len(),
            Self::Unordered(all) => all.len(),
        }
    }

    fn push(&mut self, batch: BoxFuture<'static, Option<Done>>) {
        match self {
            Self::Ordered(all) => all.push_back(batch),
            Self::Unordered(all) => all.push(batch),
        }
    }

    async fn next(&mut self) -> Option<Option<Done>> {
        match self {
            Self::Ordered(all) => all.next().await,
            Self::Unordered(all) => all.next().await,
        }
    }
}

/// Moves batches through a segment until its input ends. Every batch that comes in is accounted
/// for, also when the run is given up.
pub(super) async fn drive<C: Context>(
    shared: Arc<Shared<C>>,
    segment: Arc<Segment>,
    ports: Ports,
    mut input: mpsc::Receiver<Train>,
    output: mpsc::Sender<Train>,
) {
    let mut pending = if segment.unordered { Pending::Unordered(FuturesUnordered::new()) } else { Pending::Ordered(FuturesOrdered::new()) };
    let mut cut = VecDeque::new();
    let mut closed = false;
    loop {
        while pending.len() < segment.window {
            let Some(train) = cut.pop_front() else { break };
            pending.push(start(&shared, &segment, &ports, train));
        }
        tokio::select! {
            biased;
            Some(done) = pending.next(), if pending.len() > 0 => match done {
                Some(done) => settle(&shared, &segment, &ports, &output, done).await,
                None => shared.fail(Error::new(ErrorKind::Panicked, "a worker of the engine was lost").hint("this is a bug in the engine: please report it")),
            },
            train = input.recv(), if !closed && cut.is_empty() && pending.len() < segment.window => match train {
                // What awaits goes on batch by batch, because some wait longer than others.
                Some(train) if segment.is_async => train.into_iter().for_each(|parcel| cut_to(segment.batch, parcel, &mut cut)),
                Some(train) => cut.push_back(train),
                None => closed = true,
            },
            else => return,
        }
    }
}

/// Sends on what is left of a batch, its dead letters first.
async fn settle<C>(shared: &Shared<C>, segment: &Segment, ports: &Ports, output: &mpsc::Sender<Train>, done: Done) {
    ports.letters.post(done.letters).await;
    if done.train.is_empty() {
        return;
    }
    if let Err(mpsc::error::SendError(train)) = output.send(done.train).await {
        for parcel in train {
            let Records::Decoded(records) = &parcel.records else { continue };
            shared.give_up(segment.stages[segment.stages.len() - 1] + 1, records.len());
        }
    }
}

/// Cuts a batch that is too large, each piece to go on alone.
fn cut_to(batch: Option<usize>, parcel: Parcel, pieces: &mut VecDeque<Train>) {
    let Parcel { sequence, records, mut share, coverage } = parcel;
    // One that is followed is never cut: it was made small enough.
    let batch = batch.filter(|_| coverage.is_none());
    let records = match (batch, records) {
        (Some(batch), Records::Decoded(mut records)) => {
            while records.len() > batch {
                let share = share.split(batch, records.len());
                let front = Records::Decoded(records.split_front(batch));
                pieces.push_back(vec![Parcel { sequence, records: front, share, coverage: None }]);
            }
            Records::Decoded(records)
        }
        (_, records) => records,
    };
    let rest = Parcel { sequence, records, share, coverage };
    if !rest.is_empty() {
        pieces.push_back(vec![rest]);
    }
}

fn start<C: Context>(shared: &Arc<Shared<C>>, segment: &Arc<Segment>, ports: &Ports, train: Train) -> BoxFuture<'static, Option<Done>> {
    let shared = Arc::clone(shared);
    let segment = Arc::clone(segment);
    if segment.is_async {
        let task = tokio::spawn(async move {
            let mut done = Done::default();
            for parcel in train {
                done.train.extend(run_async(&shared, &segment, parcel, &mut done.letters).await);
            }
            done
        });
        task.map(Result::ok).boxed()
    } else {
        let work = move || {
            let (begun, chunks) = (Instant::now(), train.len());
            let mut done = Done { train: Train::with_capacity(chunks), ..Done::default() };
            let mut ledger = Ledger::new(&shared, segment.stages[0], segment.stages.len());
            for (place, parcel) in train.into_iter().enumerate() {
                let left = run_cpu(&shared, &segment, parcel, &mut Clock::of(place, chunks), &mut ledger, &mut done.letters);
                done.train.extend(left);
            }
            drop(ledger);
            shared.trains.took(segment.number, chunks, begun.elapsed());
            done
        };
        ports.pool.run(work).map(Result::ok).boxed()
    }
}

/// The last segment, where the loading thread is to work through it itself: with one worker, and a
/// loader that does not await, nothing is gained by handing a batch from one to the other, and its
/// records stay in the cache of one core.
pub(super) fn loaded_by_the_worker<C>(shared: &Shared<C>, segments: &mut Vec<Segment>) -> Option<Segment> {
    let loader = &shared.stages[shared.loader_index()].definition;
    segments.pop_if(|last| shared.options.threads <= 1 && !loader.is_async && !last.is_async)
}

/// One batch, on the thread that loads what is left of it.
pub(super) async fn work<C: Context>(
    shared: &Shared<C>,
    segment: &Segment,
    parcel: Parcel,
    clock: &mut Clock,
    ledger: &mut Ledger<'_, C>,
    letters: &Postbox,
) -> Option<Parcel> {
    let mut excluded = Vec::new();
    let left = run_cpu(shared, segment, parcel, clock, ledger, &mut excluded);
    letters.post(excluded).await;
    left
}

/// One batch in one worker, stage after stage.
fn run_cpu<C: Context>(
    shared: &Shared<C>,
    segment: &Segment,
    parcel: Parcel,
    clock: &mut Clock,
    ledger: &mut Ledger<'_, C>,
    letters: &mut Vec<Letters>,
) -> Option<Parcel> {
    let Parcel { sequence, records, share, mut coverage } = parcel;
    let mut records = match records {
        Records::Decoded(records) => records,
        Records::Undecoded(chunk) => {
            let decoded = decode(shared, sequence, chunk, None, clock, ledger)?;
            letters.extend(Letters::of(0, decoded.excluded, &decoded.records.origin));
            coverage = decoded.coverage;
            decoded.records
        }
    };
    for &index in segment.stages.iter().filter(|index| **index > 0) {
        if records.len() == 0 {
            break;
        }
        if shared.stop.abort.is_cancelled() {
            shared.give_up(index, records.len());
            return None;
        }
        let Step::Cpu(step) = &shared.steps[index - 1] else { continue };
        let stage = &shared.stages[index];
        let entered = records.len();
        let span = tracing::debug_span!(parent: &stage.span, "batch", batch = sequence, records = entered);
        let mut tally = Tally::default();
        let busy = stage.enter(entered);
        let ended = span.in_scope(|| guarded(|| step.run(&shared.context, stage, &mut records, &mut tally)));
        drop(busy);
        if let Err(panic) = ended {
            let position = records.origin.position(tally.at);
            tally.fail(entered, stage.failure(panic.at(position)));
        }
        let goes_on = tally.failure.is_none() && !tally.given_up;
        let goes_on = goes_on && follow(shared, coverage.as_deref_mut(), index, (&tally, records.origin.as_ref()), || step.state());
        let excluded = ledger.record(index, tally, clock.lap());
        letters.extend(Letters::of(index, excluded, &records.origin));
        if !goes_on {
            return None;
        }
    }
    let left = Parcel { sequence, records: Records::Decoded(records), share, coverage };
    (!left.is_empty()).then_some(left)
}

/// One batch in one task, stage after stage.
async fn run_async<C: Context>(shared: &Shared<C>, segment: &Segment, parcel: Parcel, letters: &mut Vec<Letters>) -> Option<Parcel> {
    let Parcel { sequence, records, share, mut coverage } = parcel;
    // Decoding is a part of the first segment, which computes.
    let Records::Decoded(mut records) = records else { return None };
    for &index in &segment.stages {
        if records.len() == 0 {
            break;
        }
        if shared.stop.abort.is_cancelled() {
            shared.give_up(index, records.len());
            return None;
        }
        let Step::Async(step) = &shared.steps[index - 1] else { continue };
        let stage = &shared.stages[index];
        let span = tracing::debug_span!(parent: &stage.span, "batch", batch = sequence, records = records.len());
        let mut tally = Tally::default();
        let begun = Instant::now();
        let entered = records.len();
        let finished = {
            let _busy = stage.enter(entered);
            // Rules and lazy iterators are the user's code too, not only the call itself.
            let run = guarded_async(step.run(&shared.context, stage, &mut records, &mut tally)).instrument(span);
            tokio::select! {
                biased;
                ended = run => Some(ended),
                // A call that does not return keeps nobody who has given up.
                () = shared.stop.abort.cancelled() => None,
            }
        };
        match finished {
            Some(Ok(())) => {}
            Some(Err(panic)) => {
                let position = records.origin.position(tally.at);
                tally.fail(entered, stage.failure(panic.at(position)));
            }
            None => {
                tally = Tally::default();
                tally.give_up(entered);
            }
        }
        let goes_on = tally.failure.is_none() && !tally.given_up;
        let goes_on = goes_on && follow(shared, coverage.as_deref_mut(), index, (&tally, records.origin.as_ref()), || step.state());
        let excluded = shared.record(index, tally, begun.elapsed());
        letters.extend(Letters::of(index, excluded, &records.origin));
        if !goes_on {
            return None;
        }
    }
    let left = Parcel { sequence, records: Records::Decoded(records), share, coverage };
    (!left.is_empty()).then_some(left)
}

/// Notes in the coverage of a batch what a stage made of it. `false` where the run ends here, because
/// what the stage remembers cannot be written down.
fn follow<C>(
    shared: &Shared<C>,
    coverage: Option<&mut Coverage>,
    index: usize,
    (tally, origin): (&Tally, &dyn Origin),
    state: impl FnOnce() -> Result<Option<String>>,
) -> bool {
    let Some(coverage) = coverage else { return true };
    coverage.counts.add(&tally.counts);
    if shared.options.only.is_some() {
        coverage.rejected.extend(rejected(&tally.excluded, origin));
    }
    coverage.errors.extend(tally.excluded.iter().map(|excluded| origin.position(excluded.input).ordinal));
    let stage = &shared.stages[index];
    if !stage.definition.stateful {
        return true;
    }
    match state() {
        Ok(state) => coverage.states.extend(state.map(|state| (index, state.into()))),
        Err(error) => {
            shared.fail(stage.failure(error));
            return false;
        }
    }
    true
}

/// The numbers of the records that were rejected.
pub(super) fn rejected<'e>(excluded: &'e [Excluded], origin: &'e dyn Origin) -> impl Iterator<Item = u64> + 'e {
    excluded.iter().filter(|excluded| excluded.class == Class::Reject).map(|excluded| origin.position(excluded.input).ordinal)
}

/// Says how long each of several stages took. Where one ends the next begins, so that there is one
/// look at the clock for both.
pub(super) struct Clock {
    /// `None` where nobody looks.
    since: Option<Instant>,
    /// For how many batches this one counts.
    counts: u32,
}

impl Clock {
    /// In a train of so many batches, in which each takes a moment, one in so many is timed.
    const STRIDE: usize = 8;

    pub(super) fn start() -> Self {
        Self { since: Some(Instant::now()), counts: 1 }
    }

    /// For the batch at `place` in a train.
    pub(super) fn of(place: usize, train: usize) -> Self {
        if train < 2 * Self::STRIDE {
            return Self::start();
        }
        match place % Self::STRIDE {
            0 => Self { counts: Self::STRIDE.min(train - place) as u32, ..Self::start() },
            _ => Self { since: None, counts: 0 },
        }
    }

    /// The time since the last look.
    fn lap(&mut self) -> Duration {
        let Some(since) = &mut self.since else { return Duration::ZERO };
        let now = Instant::now();
        self.counts * (now - std::mem::replace(since, now))
    }
}

/// A chunk, decoded.
pub(super) struct DecodedChunk {
    pub(super) records: DecodedRecords,
    /// Records of it that are malformed.
    pub(super) excluded: Vec<Excluded>,
    /// What of the source it holds, where the run is followed.
    pub(super) coverage: Option<Box<Coverage>>,
    /// How many records of the source it is, with those that were done before.
    pub(super) count: usize,
}

/// Decodes a chunk, of which at most `limit` records count. `None` where the run ends here.
pub(super) fn decode<C>(
    shared: &Shared<C>,
    sequence: u64,
    chunk: Box<dyn Undecoded>,
    limit: Option<u64>,
    clock: &mut Clock,
    ledger: &mut Ledger<'_, C>,
) -> Option<DecodedChunk> {
    if shared.stop.abort.is_cancelled() {
        // Read, but not yet known as records.
        return None;
    }
    let stage = &shared.stages[0];
    let span = tracing::debug_span!(parent: &stage.span, "batch", batch = sequence);
    let (mut records, mut malformed) = match span.in_scope(|| guarded(|| chunk.decode(&stage.spares))) {
        Ok(decoded) => decoded,
        Err(panic) => {
            shared.fail(stage.failure(panic));
            return None;
        }
    };
    let mut count = records.len() + malformed.len();
    let mut cut = false;
    if let Some(limit) = limit {
        cut = limit < count as u64;
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        malformed.retain(|malformed| malformed.index < limit);
        let kept =
            records.inputs.as_ref().map_or(records.len().min(limit as usize), |inputs| inputs.partition_point(|input| *input < limit));
        records = records.split_front(kept);
        count = records.len() + malformed.len();
    }
    let mut coverage = None;
    if let Some(followed) = shared.followed.get() {
        coverage = match cover(&mut records, &mut malformed, count, cut, followed) {
            Ok(coverage) => coverage,
            Err(error) => {
                shared.fail(stage.failure(error));
                return None;
            }
        };
    }
    let mut tally = Tally::default();
    let killers = shared.marker.get().map_or(&[][..], Marker::killers);
    let killers = if killers.is_empty() { Vec::new() } else { leave_out(killers, count, &mut records, &mut malformed) };
    let entered = records.len() + malformed.len() + killers.len();
    tally.counts.entered = entered as u64;
    tally.counts.out = records.len() as u64;
    let class = stage.effective(stage.definition.options.on_malformed.unwrap_or(Class::Reject));
    if !malformed.is_empty() && matches!(class, Class::Fail | Class::Retry) {
        let first = malformed.swap_remove(0);
        let error = Error::new(ErrorKind::Extraction, first.message).with_code(first.code).at(records.origin.position(first.index));
        tally.fail(entered, stage.failure(error.with_class(stage.definition.options.on_malformed.unwrap_or(Class::Reject))));
        ledger.record(0, tally, clock.lap());
        return None;
    }
    if let Some(&first) = killers.first().filter(|_| stage.effective(Class::Reject) != Class::Reject) {
        tally.fail(entered, stage.failure(suspect::killed().at(records.origin.position(first))));
        ledger.record(0, tally, clock.lap());
        return None;
    }
    for input in killers {
        tally.counts.rejected += 1;
        let (kind, message) = (ErrorKind::Panicked, suspect::MESSAGE.into());
        let excluded =
            Excluded { input, class: Class::Reject, kind, code: suspect::CODE, column: None, message, attempts: TRIES, shown: None };
        tally.excluded.push(excluded);
    }
    for Malformed { index, code, column, message } in malformed {
        if class == Class::Skip {
            tally.counts.skipped += 1;
        } else {
            tally.counts.rejected += 1;
        }
        let column = column.map(std::borrow::Cow::Borrowed);
        tally.excluded.push(Excluded { input: index, class, kind: ErrorKind::Extraction, code, column, message, attempts: 1, shown: None });
    }
    if let Some(coverage) = &mut coverage {
        coverage.counts.add(&tally.counts);
        if shared.options.only.is_some() {
            coverage.rejected.extend(rejected(&tally.excluded, records.origin.as_ref()));
        }
        coverage.errors.extend(tally.excluded.iter().map(|excluded| records.origin.position(excluded.input).ordinal));
    }
    let excluded = ledger.record(0, tally, clock.lap());
    Some(DecodedChunk { records, excluded, coverage, count })
}

/// Takes the records out of a chunk of `count` that kill the process; their places in it.
fn leave_out(killers: &[u64], count: usize, records: &mut DecodedRecords, malformed: &mut Vec<Malformed>) -> Vec<u32> {
    let first = if count == 0 { 0 } else { records.origin.position(0).ordinal };
    let places = killers.iter().filter_map(|killer| killer.checked_sub(first)).filter(|place| *place < count as u64);
    let left_out: Vec<u32> = places
        .map(|place| place as u32)
        .filter(|place| {
            let before = records.len() + malformed.len();
            records.retain(&|index| index != *place);
            malformed.retain(|malformed| malformed.index != *place);
            // One that is done already is in neither.
            records.len() + malformed.len() < before
        })
        .collect();
    left_out
}
