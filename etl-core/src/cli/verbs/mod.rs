//! What each verb does.

mod check;
mod dlq;
mod graph;
mod output;
mod plan;
mod run;
mod runs;

use std::path::PathBuf;

pub(super) use output::write_atomically;
use serde::de::DeserializeOwned;

use super::args::{LogArgs, LogFormatArg, SettingArgs, Verb};
use super::config::{self, Given, Problem, Resolved};
use super::exit;
use super::host::Host;
use crate::contract::error::{Error, ErrorKind};
use crate::engine::options::RunOptions;
use crate::engine::pipeline::Pipeline;
use crate::engine::wiring::Outline;
use crate::observe::logs::{self, LogFormat};

/// Does what the operator wants, and returns the exit code.
pub(super) fn call<P: Pipeline>(verb: Verb, host: &mut Host<'_>) -> u8 {
    match verb {
        Verb::Run(args) => run::run::<P>(&args, host),
        Verb::Check(args) => check::check::<P>(&args, host),
        Verb::Plan(args) => plan::plan::<P>(&args, host),
        Verb::Graph(args) => graph::graph(P::plan().outline(), &args, host),
        Verb::Runs(args) => runs::runs::<P>(&args, host),
        Verb::Dlq(verb) => dlq::dlq::<P>(verb, host),
        // Needs no pipeline, and was done by the caller.
        Verb::Completions { .. } => exit::DONE,
    }
}

/// Reads all layers. `Err` is the exit code.
fn resolve<S: DeserializeOwned>(outline: &Outline, args: &SettingArgs, host: &mut Host<'_>) -> Result<Resolved<S>, u8> {
    let mut flags = Vec::new();
    for set in &args.set {
        let Some((key, value)) = set.split_once('=') else {
            // What was written may be a secret with its `=` forgotten.
            host.problems(&[Problem::new("`--set` needs a key and a value: `--set input=flights.csv`")]);
            return Err(exit::USAGE);
        };
        flags.push(("--set", key.trim().to_owned(), value.to_owned()));
    }
    if let Some(threads) = &args.threads {
        flags.push(("--threads", format!("{}.threads", config::TABLE), threads.clone()));
    }
    let files = if args.config.is_empty() { host.env.get("ETL_CONFIG").map_or_else(Vec::new, split_paths) } else { args.config.clone() };
    let env =
        host.env.iter().filter(|(name, _)| name.starts_with(config::PREFIX)).map(|(name, value)| (name.clone(), value.clone())).collect();
    match config::collect(Given { files, env, flags }) {
        Ok(tree) => Ok(config::resolve(outline, tree)),
        Err(problems) => {
            host.problems(&problems);
            Err(exit::CONFIG)
        }
    }
}

fn split_paths(paths: &String) -> Vec<PathBuf> {
    std::env::split_paths(paths).filter(|path| !path.as_os_str().is_empty()).collect()
}

/// Settings and options that are complete and right, or the exit code.
fn ready<P: Pipeline>(outline: &Outline, args: &SettingArgs, host: &mut Host<'_>) -> Result<(P::Settings, RunOptions), u8> {
    let resolved = resolve::<P::Settings>(outline, args, host)?;
    let problems: Vec<_> = resolved.problems.into_iter().chain(config::missing_text(&resolved.missing)).collect();
    match resolved.settings {
        Some(settings) if problems.is_empty() => {
            let mut options = resolved.options;
            options.dead_letter = options.dead_letter.or_else(|| P::dead_letter(&settings));
            Ok((settings, options))
        }
        _ => {
            host.problems(&problems);
            host.say(&format!("  next: `{} plan` shows each setting and where it came from\n", host.program.clone()));
            Err(exit::CONFIG)
        }
    }
}

/// Makes settings and resources into what the stages borrow from. A panic in a resource is an error
/// like any other.
async fn context<P: Pipeline>(settings: P::Settings) -> Result<P::Context, Error> {
    match tokio::spawn(P::context(settings)).await {
        Ok(Ok(context)) => Ok(context),
        // A resource that fails without a kind of its own is of kind resource.
        Ok(Err(error)) if error.kind() == ErrorKind::Other => Err(error.with_kind(ErrorKind::Resource)),
        Ok(Err(error)) => Err(error),
        Err(_panicked) => Err(Error::new(ErrorKind::Panicked, "a resource panicked while it was made")),
    }
}

/// The runtime for everything async. CPU work has its own threads, so a few are enough.
fn runtime(threads: usize) -> Result<tokio::runtime::Runtime, Error> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads.clamp(1, 4))
        .thread_name("etl-async")
        .enable_all()
        .build()
        .map_err(|error| Error::io(ErrorKind::Config, "cannot start the async runtime", &error))
}

/// Begins to log, where the process is ours. `Err` is the exit code.
fn start_logs(args: &LogArgs, host: &mut Host<'_>) -> Result<(), u8> {
    let more = i32::from(args.verbose) - i32::from(args.quiet);
    let variable = ["ETL_LOG", "RUST_LOG"]
        .into_iter()
        .find_map(|name| host.env.get(name).filter(|text| !text.is_empty()).map(|text| (name, text.clone())));
    let targets = match variable {
        Some((name, text)) if more == 0 => match logs::levels(&text) {
            Ok(targets) => targets,
            // Others read RUST_LOG too, and in more forms than we do.
            Err(_) if name == "RUST_LOG" => logs::level(0),
            Err(reason) => {
                host.problems(&[Problem::new(format!("{name} is no list of levels: {reason}"))
                    .hint("write a level, such as `debug`, or a list, such as `info,my_crate=debug`")]);
                return Err(exit::CONFIG);
            }
        },
        _ => logs::level(more),
    };
    let format = match args.log_format {
        LogFormatArg::Text => LogFormat::Text,
        LogFormatArg::Json => LogFormat::Json,
        LogFormatArg::Auto if host.terminal => LogFormat::Text,
        LogFormatArg::Auto => LogFormat::Json,
    };
    if host.ours {
        logs::install(targets, format, host.colour, host.bars.clone());
    }
    Ok(())
}
