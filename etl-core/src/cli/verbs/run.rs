//! `run`: extracts, transforms and loads, and tells what came of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::time::MissedTickBehavior;

use super::output::{folder_of, write_atomically};
use super::{context, ready, runtime, start_logs};
use crate::cli::args::{ProgressArg, RunArgs};
use crate::cli::config::Problem;
use crate::cli::exit;
use crate::cli::history;
use crate::cli::host::Host;
use crate::cli::report::words;
use crate::cli::signals::Signals;
use crate::contract::error::{Error, ErrorKind, io_text};
use crate::contract::needs::Context;
use crate::delivery::selection::Selection;
use crate::engine::options::RunOptions;
use crate::engine::pipeline::Pipeline;
use crate::engine::wiring::Outline;
use crate::engine::{Run, StopHandle};
use crate::observe::metrics::StageSnapshot;
use crate::observe::progress::{Progress, ProgressMode};
use crate::observe::report::{Report, StageReport, Status, Totals, VERSION, peak_memory_bytes, seconds};

/// Where the report goes that is written to stdout.
const STDOUT: &str = "-";

pub(super) fn run<P: Pipeline>(args: &RunArgs, host: &mut Host<'_>) -> u8 {
    run_over::<P>(args, None, host)
}

/// As [`run`], over these records alone.
pub(super) fn run_over<P: Pipeline>(args: &RunArgs, only: Option<Arc<Selection>>, host: &mut Host<'_>) -> u8 {
    let plan = P::plan();
    let outline = plan.outline().clone();
    let prepared = start_logs(&args.logs, host).and_then(|()| ready::<P>(&outline, &args.settings, host)).and_then(|ready| {
        report_has_a_place(args.report.as_deref(), host)?;
        Ok(ready)
    });
    let (settings, mut options) = match prepared {
        Ok(ready) => ready,
        Err(code) => return code,
    };
    options.limit = args.limit;
    options.dry_run = args.dry_run;
    options.replace = args.replace;
    options.fresh = args.fresh;
    options.accept_changes = args.accept_changes;
    options.state = state_dir(args.state_dir.as_deref(), host);
    let state = options.state_dir(P::NAME);
    options.only = only;

    let begun = Begun { outline: &outline, options: options.clone(), at: SystemTime::now(), clock: Instant::now() };
    let mode = progress_mode(args.progress, host.terminal && host.ours);
    let (report, code) = match runtime(options.threads) {
        Err(error) => {
            let code = exit::of_error(&error);
            (begun.refused(error), code)
        }
        Ok(runtime) => {
            let ended = runtime.block_on(Box::pin(async {
                let mut signals = Signals::watch(host.ours);
                let made = tokio::select! {
                    made = context::<P>(settings) => made,
                    _ = signals.next() => Err(Error::new(ErrorKind::Cancelled, "stopped while the resources were made")),
                };
                let report = match made {
                    Ok(context) => drive(plan.with(context, options), mode, &mut signals, host).await,
                    Err(error) => begun.refused(error),
                };
                let code = exit::of_report(&report, signals.first);
                (report, code)
            }));
            // A function that blocks must not keep the process once everything is said.
            runtime.shutdown_timeout(Duration::from_millis(200));
            ended
        }
    };

    let text = words(&report, &host.program.clone(), host.style());
    host.say(&text);
    keep(&report, &state, args, host, code)
}

/// Runs, shows progress and obeys signals.
async fn drive<C: Context>(run: Run<C>, mode: ProgressMode, signals: &mut Signals, host: &mut Host<'_>) -> Report {
    let stop: StopHandle = run.stop();
    let progress = Progress::new(mode, run.outline().name, run.metrics(), run.source_info(), &host.bars);
    // A run that is over before the first tick shows no progress.
    let period = progress.period().unwrap_or(Duration::from_secs(3_600));
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut running = Box::pin(run.execute());
    loop {
        tokio::select! {
            report = &mut running => {
                progress.finish();
                return report;
            }
            _ = signals.next() => host.say(signals.obey(&stop)),
            stuck = stop.stuck(), if signals.first.is_some() => {
                host.say(&format!("leaving: `{}` has not returned since the run was given up\n", stuck.join("`, `")));
                signals.leave();
            }
            _ = ticks.tick() => {
                // That nobody reads the progress stops nothing.
                let _ = progress.tick(host.err());
            }
        }
    }
}

fn progress_mode(asked: ProgressArg, terminal: bool) -> ProgressMode {
    match asked {
        ProgressArg::Auto | ProgressArg::Bar if terminal => ProgressMode::Bar,
        // Without a terminal there is nothing to draw a bar on.
        ProgressArg::Auto | ProgressArg::Bar | ProgressArg::Plain => ProgressMode::Plain,
        ProgressArg::Json => ProgressMode::Json,
        ProgressArg::None => ProgressMode::None,
    }
}

/// Looks before the run whether the report can be written after it.
fn report_has_a_place(path: Option<&Path>, host: &mut Host<'_>) -> Result<(), u8> {
    let Some(path) = path.filter(|path| *path != Path::new(STDOUT)) else { return Ok(()) };
    let folder = folder_of(path);
    let problem = if !folder.is_dir() {
        format!("`--report {}`: there is no folder {}", path.display(), folder.display())
    } else if path.is_dir() {
        format!("`--report {}` is a folder, not a file", path.display())
    } else {
        return Ok(());
    };
    host.problems(&[Problem::new(problem)]);
    Err(exit::CONFIG)
}

/// Writes the report where it was asked for, and a copy into the state folder. Returns the exit
/// code.
fn keep(report: &Report, state: &Path, args: &RunArgs, host: &mut Host<'_>, code: u8) -> u8 {
    let mut json = serde_json::to_vec_pretty(report).unwrap_or_default();
    json.push(b'\n');
    let written = match &args.report {
        None => exit::DONE,
        Some(path) if path == Path::new(STDOUT) => host.data(&json),
        Some(path) => match write_atomically(path, &json) {
            Ok(()) => exit::DONE,
            Err(error) => {
                host.problems(&[Problem::new(format!("cannot write the report to {}: {}", path.display(), io_text(&error)))]);
                exit::STORAGE
            }
        },
    };
    let copied = std::fs::create_dir_all(state)
        .and_then(|()| write_atomically(&state.join("last-report.json"), &json))
        .and_then(|()| history::add(state, report, code));
    if let Err(error) = copied {
        let label = host.style().warn("warning:");
        host.say(&format!("{label} the report is not kept in {}: {}\n", state.display(), io_text(&error)));
    }
    // Why the run failed outranks that its report could not be written.
    if code == exit::DONE { written } else { code }
}

/// The folder of the state, where the operator names one.
pub(super) fn state_dir(named: Option<&Path>, host: &Host<'_>) -> Option<PathBuf> {
    let variable = || host.env.get("ETL_STATE_DIR").filter(|dir| !dir.is_empty()).map(PathBuf::from);
    named.map(Path::to_owned).or_else(variable)
}

/// A run before the engine has it.
struct Begun<'a> {
    outline: &'a Outline,
    options: RunOptions,
    at: SystemTime,
    clock: Instant,
}

impl Begun<'_> {
    /// The report of a run that did not get as far as the engine.
    fn refused(&self, error: Error) -> Report {
        let stages: Vec<_> = self.outline.stages.iter().map(|stage| StageReport::new(stage, &StageSnapshot::default())).collect();
        Report {
            version: VERSION,
            pipeline: self.outline.name,
            run_id: self.options.run_id.clone(),
            status: if error.kind() == ErrorKind::Cancelled { Status::Stopped } else { Status::Failed },
            started: humantime::format_rfc3339_millis(self.at).to_string(),
            seconds: seconds(self.clock.elapsed()),
            source: String::new(),
            target: String::new(),
            records: Totals::of(&stages),
            stages,
            peak_memory_bytes: peak_memory_bytes(),
            dead_letters: None,
            reasons: Vec::new(),
            resumed: None,
            nothing_new: false,
            all_runs: None,
            may_double: None,
            compensated: 0,
            not_compensated: Vec::new(),
            left_to_compensate: 0,
            error: Some((&error).into()),
            failure: Some(error),
        }
    }
}
