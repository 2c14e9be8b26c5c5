//! One run: threads and tasks are started, watched to their end, and what came of it is reported.

use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime};

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::compensating;
use super::effects::Standing;
use super::letters::{Postbox, write_letters};
use super::load_thread::{self, Verdict};
use super::options::RunOptions;
use super::panics::silence_stages;
use super::pool::CpuPool;
use super::promises::{self, Place, Ready};
use super::reading::{self, ReadEnd, Start, lost};
use super::recovery::{self, Beginning, Ends};
use super::segment::{drive, loaded_by_the_worker, segments};
use super::shared::{Ports, Shared};
use super::stop::StopHandle;
use super::watchdog;
use super::wiring::{Outline, Plan};
use crate::contract::error::{Error, ErrorKind, Result};
use crate::contract::needs::Context;
use crate::contract::source::SourceInfo;
use crate::contract::target::Preparation;
use crate::delivery::dead_letters::{self, DeadLetters, Opening};
use crate::delivery::progress::Progress;
use crate::observe::metrics::Metrics;
use crate::observe::report::{Reason, Report, StageReport, Status, Totals, VERSION, check_conservation, peak_memory_bytes, seconds};

/// How many batches wait between two segments.
const QUEUE: usize = 2;

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
            session.prepare(Preparation::new(shared.options.replace, true).resumable(None)).await.map_err(|error| stage.failure(error))?;
            promises::in_order(&shared)?;
            promises::kept(&shared.outline, &source, &Ready::of(session.as_ref()))?;
            if !recovery::follows(&shared, &source) {
                promises::compensable(&shared, &source)?;
            }
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
        let executed = tokio::select! {
            biased;
            executed = execute(&shared, &mut ending) => executed,
            never = watchdog::watch(&shared) => match never {},
        };
        if let Err(error) = executed {
            shared.fail(error);
        }
        if let Some(marker) = shared.marker.get() {
            marker.take_away();
        }
        let report = report(&shared, ending, started, clock);
        tracing::info!(parent: &shared.span, status = report.status.as_str(), loaded = report.records.loaded, rejected = report.records.rejected, "the run ended");
        report
    }
}

/// What the parts of a run say at their end.
#[derive(Default)]
struct Ending {
    reasons: Vec<Reason>,
    dead_letters: u64,
    target: String,
    discarded: bool,
    /// The target may have been published, or not: nobody knows before it is asked again.
    in_doubt: bool,
    /// The target has been published: whoever gives up now comes too late.
    published: bool,
    /// An earlier run has done all that there is to do.
    nothing_new: Option<Progress>,
    /// What became of the records of all runs, where the run is followed.
    totals: Option<Totals>,
    /// The most records that a kill could have doubled.
    window: u64,
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
        Some(path) if !shared.options.dry_run => Some(DeadLetters::open(Opening {
            path,
            pipeline: shared.outline.name,
            run_id: &shared.options.run_id,
            replay_epoch: 0,
            limit: shared.options.dead_letter_limit,
            replays: shared.options.only.clone(),
        })?),
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
    let (ask_source, source_is_asked) = mpsc::channel(1);
    let reading = on_thread("etl-read", {
        let (shared, letters) = (Arc::clone(shared), letters.clone());
        move || async move { reading::read(&shared, Start { ready: source_ready, asks: source_is_asked }, letters, first).await }
    })?;

    let (ask_target, target_is_asked) = mpsc::channel(1);
    let (drained, is_drained) = oneshot::channel();
    let (verdict, judged) = oneshot::channel();
    let loading = on_thread("etl-load", {
        let (shared, letters) = (Arc::clone(shared), letters.clone());
        move || async move {
            let ports = load_thread::Ports { asks: target_is_asked, input: last, letters, drained, verdict: judged };
            load_thread::load(&shared, own, ports).await
        }
    })?;

    // Of two things in the way, the source's is told first.
    match begin(shared, source_is_ready, Ends { source: ask_source, target: ask_target }, ending).await {
        Ok(Beginning::Gone) => {}
        Ok(Beginning::NothingNew(progress)) => ending.nothing_new = Some(*progress),
        Err(error) => shared.fail(error),
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

    let read = reading.await.unwrap_or_else(|_lost| {
        shared.fail(lost("reading"));
        ReadEnd::Stopped
    });
    for task in tasks {
        if task.await.is_err() {
            shared.fail(lost("segment"));
        }
    }
    let _loader_has_what_it_will_get = is_drained.await;
    let mut durable = true;
    match writing.await {
        Ok(Ok(written)) => (ending.dead_letters, ending.reasons) = written,
        // Nobody knows which of them are on disk.
        written => {
            durable = false;
            shared.fail(written.map_or_else(|_lost| lost("dead-letter"), |written| written.err().unwrap_or_else(|| lost("dead-letter"))));
            shared.metrics.unreject();
        }
    }
    let complete = read != ReadEnd::Stopped;
    if complete && !shared.failed() {
        shared.watch(true);
    }
    let publish = complete && !shared.failed() && !shared.stop.abort.is_cancelled();
    let judgement = match (publish, durable) {
        (true, _) => Verdict::Publish { whole: read == ReadEnd::Whole },
        (false, true) => Verdict::Leave,
        (false, false) => Verdict::Drop,
    };
    let _loader_waits = verdict.send(judgement);
    match loading.await {
        Ok(Ok(ended)) => {
            (ending.discarded, ending.totals, ending.window) = (ended.discarded, ended.totals, ended.window);
            ending.published = publish || ending.nothing_new.is_some();
        }
        Ok(Err(error)) => {
            // Where the run is followed, what was committed stays, and the next one goes on from it.
            ending.discarded = shared.followed.get().is_none();
            ending.in_doubt = true;
            shared.fail(error);
        }
        Err(_lost) => {
            ending.in_doubt = true;
            shared.fail(lost("loading"));
        }
    }
    if ending.discarded {
        shared.metrics.unload(shared.loader_index());
    }
    if let Err(error) = settle_effects(shared, ending).await {
        shared.fail_worse(error);
    }
    Ok(())
}

/// What the stages did outside of the process stands where its records are committed, and is undone
/// where they are not.
async fn settle_effects<C: Context>(shared: &Arc<Shared<C>>, ending: &Ending) -> Result<()> {
    let Some(effects) = shared.effects.get() else { return Ok(()) };
    if ending.published && !shared.failed() {
        return effects.finish();
    }
    // Whoever took over knows which of them stand, as the next run here will.
    if ending.in_doubt || shared.failure_code() == Some("fenced") {
        shared.compensated().left = effects.open()?;
        return Ok(());
    }
    let standing = if ending.discarded { Standing::None } else { Standing::Committed };
    compensating::at_the_end(shared, effects, standing).await
}

/// Waits for the source, and lets both ends go on from where earlier runs have come.
async fn begin<C: Context>(
    shared: &Arc<Shared<C>>,
    source: oneshot::Receiver<Result<SourceInfo>>,
    ends: Ends,
    ending: &mut Ending,
) -> Result<Beginning> {
    let source = source.await.unwrap_or_else(|_lost| Err(lost("reading")))?;
    ending.target = shared.loader.session(&shared.context, &shared.stages[shared.loader_index()]).target();
    promises::apart(shared.options.dead_letter.as_deref(), &source.name, Place::Source)?;
    let beginning = recovery::begin(shared, &source, &ends).await?;
    tracing::info!(parent: &shared.span, source = %source.name, target = %ending.target, "source and target are ready");
    Ok(beginning)
}

/// Runs async work on a thread of its own, where it may block.
pub(super) fn on_thread<T, F>(name: &str, work: impl FnOnce() -> F + Send + 'static) -> Result<oneshot::Receiver<T>>
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
    let compensated = std::mem::take(&mut *shared.compensated());
    let status = match &failure {
        Some(error) if error.kind() == ErrorKind::CompensationFailed => Status::CompensationFailed,
        Some(_) => Status::Failed,
        None if !ending.published => Status::Stopped,
        None if shared.options.dry_run => Status::DryRun,
        None => Status::Done,
    };
    let had_ended = shared.followed.get().is_some_and(|followed| followed.ended);
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
        resumed: shared.followed.get().and_then(|followed| followed.run.clone()),
        nothing_new: ending.nothing_new.is_some() || (status == Status::Done && had_ended && records.extracted == 0),
        all_runs: ending.totals.or_else(|| ending.nothing_new.as_ref().map(|progress| progress.totals)),
        may_double: (ending.window > 0).then_some(ending.window),
        compensated: compensated.done,
        not_compensated: compensated.failed,
        left_to_compensate: compensated.left,
        stages,
        dead_letters: shared.options.dead_letter.clone().filter(|_| ending.dead_letters > 0),
        reasons: ending.reasons,
        peak_memory_bytes: peak_memory_bytes(),
        error: failure.as_ref().map(Into::into),
        failure,
    }
}
