//! One run: threads and tasks are started, watched to their end, and what came of it is reported.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::ledger::Ledger;
use super::loading::LoadSession;
use super::options::RunOptions;
use super::panics::{guarded_async, silence_stages};
use super::parcel::Train;
use super::pool::CpuPool;
use super::promises::{self, Place, Ready};
use super::reading::{self, Start, lost};
use super::segment::{Clock, Segment, drive, loaded_by_the_worker, segments, work};
use super::shared::{Letters, Ports, Postbox, Shared};
use super::stop::StopHandle;
use super::wiring::{Outline, Plan};
use crate::contract::error::{Class, Error, ErrorKind, Result};
use crate::contract::needs::Context;
use crate::contract::source::{Origin, SourceInfo};
use crate::contract::target::{Abandoned, Preparation};
use crate::delivery::dead_letters::{self, DeadLetter, DeadLetters, Payload};
use crate::observe::metrics::Metrics;
use crate::observe::report::{Reason, Report, StageReport, Status, Totals, VERSION, check_conservation, peak_memory_bytes, seconds};

/// How many batches wait between two segments.
const QUEUE: usize = 2;
/// How long a loader waits for its batch to fill while the reader waits for memory.
const PATIENCE: Duration = Duration::from_millis(5);
/// How many reasons a report lists.
const REASONS: usize = 10;

/// A plan with its context, ready to run once.
pub struct Run<C> {
    shared: Arc<Shared<C>>,
}

impl<C> std::fmt::Debug for Run<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run").field("outline", &self.shared.outline).field("options", &self.shared.options).finish()
    }
}

/// What [`Run::check`] found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Checked {
    /// The source.
    pub source: SourceInfo,
    /// The target, as it names itself.
    pub target: String,
}

impl<C: Context> Plan<C> {
    /// Makes the plan ready to run.
    #[must_use]
    pub fn with(self, context: C, options: RunOptions) -> Run<C> {
        Run { shared: Arc::new(Shared::new(self, context, options)) }
    }
}

impl<C: Context> Run<C> {
    /// The counters, which move while it runs.
    #[must_use]
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.shared.metrics)
    }

    /// Stops it from outside.
    #[must_use]
    pub fn stop(&self) -> StopHandle {
        self.shared.stop.clone()
    }

    /// What is known of the source, once it is open.
    #[must_use]
    pub fn source_info(&self) -> Arc<OnceLock<SourceInfo>> {
        Arc::clone(&self.shared.source_info)
    }

    /// The stages and the policy.
    #[must_use]
    pub fn outline(&self) -> &Outline {
        &self.shared.outline
    }

    /// Opens and validates the source and looks at the target and the dead letters. No record moves
    /// and nothing is written.
    ///
    /// # Errors
    /// The first thing that would keep a run from starting.
    pub async fn check(&self) -> Result<Checked> {
        silence_stages();
        let shared = Arc::clone(&self.shared);
        let checked = on_thread("etl-check", move || async move {
            if let Some(path) = &shared.options.dead_letter {
                dead_letters::check(path)?;
            }
            apart_from_target(&shared)?;
            let source = reading::open(&shared).await?.info();
            promises::apart(shared.options.dead_letter.as_deref(), &source.name, Place::Source)?;
            let stage = &shared.stages[shared.loader_index()];
            let mut session = shared.loader.session(&shared.context, stage);
            session.prepare(Preparation::new(shared.options.replace, true)).await.map_err(|error| stage.failure(error))?;
            promises::kept(&shared.outline, &source, &Ready::of(session.as_ref()))?;
            Ok(Checked { source, target: session.target() })
        });
        checked?.await.unwrap_or_else(|_lost| Err(lost("checking")))
    }

    /// Runs to the end and reports. Never fails: a failure is in the report.
    ///
    /// Must be awaited on a tokio runtime with timers. When the future is dropped, the run is given
    /// up as by [`StopHandle::abort`].
    pub async fn execute(self) -> Report {
        silence_stages();
        let shared = self.shared;
        let _given_up_when_dropped = shared.stop.abort.clone().drop_guard();
        let started = SystemTime::now();
        let clock = Instant::now();
        tracing::info!(parent: &shared.span, "the run starts");
        let mut ending = Ending::default();
        if let Err(error) = execute(&shared, &mut ending).await {
            shared.fail(error);
        }
        let report = report(&shared, ending, started, clock);
        tracing::info!(parent: &shared.span, status = report.status.as_str(), loaded = report.records.loaded, rejected = report.records.rejected, "the run ended");
        report
    }
}

/// What the parts of a run say at their end.
#[derive(Default)]
struct Ending {
    /// The source was read to its end.
    source_ended: bool,
    reasons: Vec<Reason>,
    dead_letters: u64,
    target: String,
    discarded: bool,
    /// The target has been published: whoever gives up now comes too late.
    published: bool,
}

/// That the dead letters, which are opened first, are no file that the target makes or replaces.
fn apart_from_target<C: Context>(shared: &Shared<C>) -> Result<()> {
    let target = shared.loader.session(&shared.context, &shared.stages[shared.loader_index()]).target();
    promises::apart(shared.options.dead_letter.as_deref(), &target, Place::Target)
}

/// Starts the threads, lets them go when both ends are ready, and sees them to their end.
async fn execute<C: Context>(shared: &Arc<Shared<C>>, ending: &mut Ending) -> Result<()> {
    // Before anything moves: the dead letters, the target, the source.
    apart_from_target(shared)?;
    let letters_file = match &shared.options.dead_letter {
        Some(path) if !shared.options.dry_run => Some(DeadLetters::open(path, shared.outline.name, &shared.options.run_id)?),
        _ => None,
    };
    let (letters, letters_queue) = Postbox::new(QUEUE);
    let writing = on_thread("etl-dead-letters", {
        let shared = Arc::clone(shared);
        move || async move { write_letters(&shared, letters_file, letters_queue).await }
    })?;

    let mut segments = segments(shared);
    // Before the first train leaves, lest it is as long as nobody can use.
    segments.iter().filter(|segment| !segment.is_async).for_each(|segment| shared.trains.board(segment.number));
    let own = loaded_by_the_worker(shared, &mut segments);
    let (first, mut last) = mpsc::channel(QUEUE);
    let segments: Vec<_> = segments
        .into_iter()
        .map(|segment| {
            let (output, next) = mpsc::channel(QUEUE);
            (segment, std::mem::replace(&mut last, next), output)
        })
        .collect();

    let (source_ready, source_is_ready) = oneshot::channel();
    let (go, gone) = oneshot::channel();
    let reading = on_thread("etl-read", {
        let (shared, letters) = (Arc::clone(shared), letters.clone());
        move || async move { reading::read(&shared, Start { ready: source_ready, go: gone }, letters, first).await }
    })?;

    let (target_ready, target_is_ready) = oneshot::channel();
    let (drained, is_drained) = oneshot::channel();
    let (verdict, judged) = oneshot::channel();
    let loading = on_thread("etl-load", {
        let (shared, letters) = (Arc::clone(shared), letters.clone());
        move || async move { load(&shared, own, LoadPorts { ready: target_ready, input: last, letters, drained, verdict: judged }).await }
    })?;

    let source = source_is_ready.await.unwrap_or_else(|_lost| Err(lost("reading")));
    let target = target_is_ready.await.unwrap_or_else(|_lost| Err(lost("loading")));
    if let Ok(ready) = &target {
        ending.target.clone_from(&ready.target);
    }
    // Of two things in the way, the source's is told first.
    let both = source.and_then(|source| target.map(|ready| (source, ready)));
    let kept = both.and_then(|(source, ready)| {
        promises::apart(shared.options.dead_letter.as_deref(), &source.name, Place::Source)?;
        promises::kept(&shared.outline, &source, &ready).map(|()| source)
    });
    match kept {
        Ok(source) => {
            tracing::info!(parent: &shared.span, source = %source.name, target = %ending.target, "source and target are ready");
            let _reader_waits = go.send(());
        }
        Err(error) => {
            shared.fail(error);
            drop(go);
        }
    }

    let computes = segments.iter().any(|(segment, ..)| !segment.is_async);
    let workers = if computes { shared.options.threads.max(1) } else { 0 };
    let pool = Arc::new(CpuPool::new(workers).map_err(|error| Error::io(ErrorKind::Config, "cannot start the CPU workers", &error))?);
    let mut tasks = Vec::new();
    for (segment, input, output) in segments {
        let ports = Ports { letters: letters.clone(), pool: Arc::clone(&pool) };
        tasks.push(tokio::spawn(drive(Arc::clone(shared), Arc::new(segment), ports, input, output)));
    }
    drop(letters);

    ending.source_ended = reading.await.unwrap_or_else(|_lost| {
        shared.fail(lost("reading"));
        false
    });
    for task in tasks {
        if task.await.is_err() {
            shared.fail(lost("segment"));
        }
    }
    let _loader_has_what_it_will_get = is_drained.await;
    match writing.await {
        Ok(Ok(written)) => (ending.dead_letters, ending.reasons) = written,
        // Nobody knows which of them are on disk.
        written => {
            shared.fail(written.map_or_else(|_lost| lost("dead-letter"), |written| written.err().unwrap_or_else(|| lost("dead-letter"))));
            shared.metrics.unreject();
        }
    }
    if ending.source_ended && !shared.failed() {
        shared.watch(true);
    }
    let publish = ending.source_ended && !shared.failed() && !shared.stop.abort.is_cancelled();
    let _loader_waits = verdict.send(publish);
    match loading.await {
        Ok(Ok(discarded)) => {
            ending.discarded = discarded;
            ending.published = publish;
        }
        Ok(Err(error)) => {
            ending.discarded = true;
            shared.fail(error);
        }
        Err(_lost) => shared.fail(lost("loading")),
    }
    if ending.discarded {
        shared.metrics.unload(shared.loader_index());
    }
    Ok(())
}

/// Runs async work on a thread of its own, where it may block.
fn on_thread<T, F>(name: &str, work: impl FnOnce() -> F + Send + 'static) -> Result<oneshot::Receiver<T>>
where
    T: Send + 'static,
    F: Future<Output = T>,
{
    let runtime = Handle::current();
    let (reply, result) = oneshot::channel();
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            let _nobody_waits = reply.send(runtime.block_on(work()));
        })
        .map_err(|error| Error::io(ErrorKind::Config, format!("cannot start the thread {name}"), &error))?;
    Ok(result)
}

struct LoadPorts {
    ready: oneshot::Sender<Result<Ready>>,
    input: mpsc::Receiver<Train>,
    letters: Postbox,
    drained: oneshot::Sender<()>,
    verdict: oneshot::Receiver<bool>,
}

/// The loading thread, which may have a segment of its own to work through before. `true` when what
/// was committed is gone with an output never published.
async fn load<C: Context>(shared: &Shared<C>, own: Option<Segment>, ports: LoadPorts) -> Result<bool> {
    let LoadPorts { ready, mut input, letters, drained, verdict } = ports;
    let stage = &shared.stages[shared.loader_index()];
    let mut session = shared.loader.session(&shared.context, stage);
    let dry = shared.options.dry_run;
    let prepared = guarded_async(async {
        session.prepare(Preparation::new(shared.options.replace, dry)).await?;
        if !dry {
            session.connect().await?;
        }
        Ok(())
    })
    .await;
    let prepared = prepared.and_then(|prepared| prepared);
    let usable = prepared.is_ok();
    let _nobody_waits = ready.send(match prepared {
        Ok(()) => Ok(Ready::of(session.as_ref())),
        Err(error) => Err(stage.failure(error)),
    });
    let first = own.as_ref().map_or(stage.index, |own| own.stages[0]);
    // About when the first of the records came that wait for their batch to fill.
    let mut oldest: Option<tokio::time::Instant> = None;
    loop {
        let train = match oldest {
            None => Some(input.recv().await),
            Some(oldest) => {
                let starving = shared.starving.load(Relaxed);
                let patience = if starving { PATIENCE } else { stage.settings.linger.saturating_sub(oldest.elapsed()) };
                tokio::select! {
                    biased;
                    train = input.recv() => Some(train),
                    () = shared.starves.notified(), if !starving => continue,
                    () = tokio::time::sleep(patience) => None,
                }
            }
        };
        match train {
            Some(Some(train)) => {
                let (begun, chunks) = (Instant::now(), train.len());
                let mut ledger = Ledger::new(shared, first, stage.index + 1 - first);
                for (place, parcel) in train.into_iter().enumerate() {
                    let parcel = match &own {
                        Some(own) => work(shared, own, parcel, &mut Clock::of(place, chunks), &mut ledger, &letters).await,
                        None => Some(parcel),
                    };
                    let Some(parcel) = parcel else { continue };
                    session.gather(parcel);
                    while session.waiting() >= stage.settings.batch && usable && !dry && !shared.stop.abort.is_cancelled() {
                        load_batch(shared, session.as_mut(), stage.settings.batch, &mut ledger, &letters).await;
                        oldest = None;
                    }
                }
                if let Some(own) = &own {
                    shared.trains.took(own.number, chunks, begun.elapsed());
                }
            }
            Some(None) => break,
            // The records that wait here may hold the memory that the reader waits for (I7).
            None if shared.starving.load(Relaxed) && usable && !dry => {
                load_rest(shared, session.as_mut(), &letters).await;
            }
            None => {}
        }
        if session.waiting() == 0 {
            oldest = None;
        } else if oldest.get_or_insert_with(tokio::time::Instant::now).elapsed() >= stage.settings.linger
            && usable
            && !dry
            && !shared.stop.abort.is_cancelled()
        {
            load_rest(shared, session.as_mut(), &letters).await;
            oldest = None;
        }
        if dry || shared.stop.abort.is_cancelled() {
            give_up(shared, session.as_mut());
        }
    }
    // The end of the source is a barrier: the last, partial batch goes the same way.
    if session.waiting() > 0 && usable && !dry && !shared.stop.abort.is_cancelled() {
        load_rest(shared, session.as_mut(), &letters).await;
    }
    give_up(shared, session.as_mut());
    drop(letters);
    let _nobody_waits = drained.send(());
    let publish = verdict.await.unwrap_or(false);
    if !usable || dry {
        return Ok(false);
    }
    if publish {
        return match guarded_async(session.publish()).await {
            Ok(Ok(())) => Ok(false),
            Ok(Err(error)) | Err(error) => Err(stage.failure(error)),
        };
    }
    Ok(guarded_async(session.abandon()).await.map_err(|panic| stage.failure(panic))? == Abandoned::Discarded)
}

/// Loads all that waits.
async fn load_rest<C>(shared: &Shared<C>, session: &mut dyn LoadSession, letters: &Postbox) {
    let mut ledger = Ledger::new(shared, shared.loader_index(), 1);
    let waiting = session.waiting();
    load_batch(shared, session, waiting, &mut ledger, letters).await;
}

/// Loads the first `count` records that wait.
async fn load_batch<C>(shared: &Shared<C>, session: &mut dyn LoadSession, count: usize, ledger: &mut Ledger<'_, C>, letters: &Postbox) {
    use tracing::Instrument;
    let index = shared.loader_index();
    shared.stages[index].keep_pace(count).await;
    let span = tracing::debug_span!(parent: &shared.stages[index].span, "batch", records = count);
    let begun = Instant::now();
    let (tally, origins) = session.load(count).instrument(span).await;
    let excluded = ledger.record(index, tally, begun.elapsed());
    if !excluded.is_empty() {
        let entries = excluded.into_iter().zip(origins).collect();
        letters.post(vec![Letters { stage: index, entries }]).await;
    }
}

fn give_up<C>(shared: &Shared<C>, session: &mut dyn LoadSession) {
    if session.waiting() > 0 {
        let tally = session.give_up();
        shared.record(shared.loader_index(), tally, Duration::ZERO);
    }
}

/// The thread of the dead letters: writes the rejected, and counts the reasons of all that were
/// left out.
async fn write_letters<C>(
    shared: &Shared<C>,
    mut file: Option<DeadLetters>,
    mut queue: mpsc::Receiver<Vec<Letters>>,
) -> Result<(u64, Vec<Reason>)> {
    let mut reasons: BTreeMap<(usize, &'static str, Class), Reason> = BTreeMap::new();
    while let Some(letters) = queue.recv().await {
        let each = |Letters { stage, entries }| entries.into_iter().map(move |(excluded, origin)| (stage, excluded, origin));
        for (stage, excluded, origin) in letters.into_iter().flat_map(each) {
            let name = shared.stages[stage].definition.name;
            reasons
                .entry((stage, excluded.code, excluded.class))
                .or_insert_with(|| Reason::new(name, excluded.code, &excluded.message, excluded.class))
                .records += 1;
            let Some(file) = file.as_mut().filter(|_| excluded.class == Class::Reject) else { continue };
            let written = file.append(&DeadLetter {
                stage: name,
                position: origin.position(excluded.input),
                batch_start: origin.position(0).ordinal,
                kind: excluded.kind,
                code: excluded.code,
                column: excluded.column.as_deref(),
                message: &excluded.message,
                attempts: excluded.attempts,
                payload: payload(origin.as_ref(), excluded.input, excluded.shown.as_deref()),
            });
            if let Err(error) = written {
                // At once, so that nothing more is read; the queue is emptied as the others stop.
                shared.stop.abort();
                queue.close();
                return Err(error);
            }
        }
    }
    let written = file.map_or(Ok(0), DeadLetters::close)?;
    let mut reasons: Vec<_> = reasons.into_values().collect();
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.records));
    reasons.truncate(REASONS);
    Ok((written, reasons))
}

fn payload<'a>(origin: &'a dyn Origin, input: u32, shown: Option<&'a [u8]>) -> Option<Payload<'a>> {
    origin.payload(input).map(Payload::Source).or_else(|| shown.map(Payload::Json))
}

fn report<C>(shared: &Shared<C>, ending: Ending, started: SystemTime, clock: Instant) -> Report {
    let stages: Vec<_> = shared
        .outline
        .stages
        .iter()
        .zip(shared.metrics.snapshot())
        .map(|(definition, snapshot)| StageReport::new(definition, &snapshot))
        .collect();
    let records = Totals::of(&stages);
    let failure = shared.take_failure().or_else(|| check_conservation(&stages, &records).err());
    let status = match &failure {
        Some(_) => Status::Failed,
        None if !ending.published => Status::Stopped,
        None if shared.options.dry_run => Status::DryRun,
        None => Status::Done,
    };
    Report {
        version: VERSION,
        pipeline: shared.outline.name,
        run_id: shared.options.run_id.clone(),
        status,
        started: humantime::format_rfc3339_millis(started).to_string(),
        seconds: seconds(clock.elapsed()),
        source: shared.source_info.get().map_or_else(String::new, |info| info.name.to_string()),
        target: ending.target,
        records,
        stages,
        dead_letters: shared.options.dead_letter.clone().filter(|_| ending.dead_letters > 0),
        reasons: ending.reasons,
        peak_memory_bytes: peak_memory_bytes(),
        error: failure.as_ref().map(Into::into),
        failure,
    }
}
