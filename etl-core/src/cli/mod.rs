//! The operator's command line: what the binary of a pipeline can do.
//!
//! `etl_core::main!(Flights)` expands to [`main`]; a binary of several pipelines takes the
//! pipeline's name before the verb ([`main_of`]).
//!
//! | verb | does |
//! |---|---|
//! | `run` | extracts, transforms and loads; a report at the end |
//! | `check` | settings, source, target, dead letters: all that can be known before a record moves |
//! | `plan` | stages, policies and settings in words, each value with where it came from |
//! | `graph` | the stages as Mermaid, DOT, SVG or JSON |
//! | `runs` | the history: when, how it ended, how many records |
//! | `dlq` | lists, shows, replays and discards dead letters |
//! | `completions` | a script for the shell |
//!
//! Data and what programs read goes to stdout, everything else to stderr. How settings and options
//! are layered is told by `run --help` and in the module `config`.

mod args;
mod config;
mod exit;
mod history;
mod host;
mod report;
mod signals;
mod style;
mod terminal;
mod verbs;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use host::Host;

use crate::engine::pipeline::Pipeline;
use crate::engine::wiring::Outline;

/// A pipeline for [`main_of`].
#[derive(Clone, Copy)]
pub struct Entry {
    name: &'static str,
    version: Option<&'static str>,
    outline: fn() -> Outline,
    call: fn(args::Verb, &mut Host<'_>) -> u8,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("name", &self.name).field("version", &self.version).finish_non_exhaustive()
    }
}

impl Entry {
    /// What `--version` prints; usually `env!("CARGO_PKG_VERSION")`.
    #[must_use]
    pub const fn version(mut self, version: &'static str) -> Self {
        self.version = Some(version);
        self
    }
}

/// The pipeline `P` for [`main_of`].
#[must_use]
pub fn entry<P: Pipeline>() -> Entry {
    Entry { name: P::NAME, version: None, outline: || P::plan().outline().clone(), call: verbs::call::<P> }
}

/// The `main` of a binary of one pipeline.
#[must_use]
pub fn main<P: Pipeline>() -> ExitCode {
    main_of(&[entry::<P>()])
}

/// The `main` of a binary of several pipelines.
#[must_use]
pub fn main_of(entries: &[Entry]) -> ExitCode {
    ExitCode::from(main_with(entries, std::env::args_os()))
}

/// As [`main_of`], with these arguments (the first is the program's name), for a program that has
/// arguments of its own. Returns the exit code.
#[must_use]
pub fn main_with(entries: &[Entry], args: impl IntoIterator<Item = OsString>) -> u8 {
    host::withhold_panics();
    let env = match host::environment() {
        Ok(env) => env,
        Err(text) => {
            let _ = writeln!(std::io::stderr(), "error: {text}");
            return exit::CONFIG;
        }
    };
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    let mut host = Host::of_process(env, &mut out, &mut err);
    call(entries, args.into_iter().collect(), &mut host)
}

/// Runs the command line inside another program, or a test: with these arguments (the first is the
/// program's name) and this environment, writing to `out` and `err`. Signals are not watched, logs
/// are not set up and no bar is drawn. Returns the exit code.
pub fn run_with<P: Pipeline>(
    args: impl IntoIterator<Item = impl Into<OsString>>,
    env: impl IntoIterator<Item = (String, String)>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> u8 {
    let mut host = Host::embedded(env.into_iter().collect(), out, err);
    call(&[entry::<P>()], args.into_iter().map(Into::into).collect(), &mut host)
}

fn call(entries: &[Entry], args: Vec<OsString>, host: &mut Host<'_>) -> u8 {
    let program =
        args::program(&args).unwrap_or_else(|| entries.first().map_or_else(String::new, |entry| crate::engine::options::kebab(entry.name)));
    host.program.clone_from(&program);
    match args::parse(entries, &program, args) {
        Ok((_, args::Verb::Completions { shell })) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut args::command(entries, &program), program, &mut script);
            host.data(&script)
        }
        Ok((index, verb)) => {
            if entries.len() > 1 {
                host.program = format!("{program} {}", crate::engine::options::kebab(entries[index].name));
            }
            (entries[index].call)(verb, host)
        }
        Err(refused) => {
            let text = refused.render();
            let text = if host.colour { text.ansi().to_string() } else { text.to_string() };
            if refused.use_stderr() {
                host.say(&text);
                exit::USAGE
            } else {
                host.data(text.as_bytes())
            }
        }
    }
}
