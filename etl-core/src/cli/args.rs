//! Verbs and flags.

mod dlq;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, Command, FromArgMatches as _, Subcommand, ValueEnum};

pub(crate) use self::dlq::{ChoiceArgs, DiscardArgs, DlqVerb, FilterArgs, ListArgs, ReplayArgs, ShowArgs};
use super::Entry;
use super::config::same_name;
use crate::engine::options::kebab;
use crate::observe::graph::Format;

/// What the operator wants.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Extract, transform and load; a report at the end
    Run(RunArgs),
    /// Look at settings, source, target and dead letters before any record moves
    Check(CheckArgs),
    /// Tell stages, policies and settings in words, each value with where it came from
    Plan(PlanArgs),
    /// Draw the stages
    Graph(GraphArgs),
    /// Tell the history: when runs began, how they ended, how many records they loaded
    Runs(RunsArgs),
    /// Look at the dead letters, read their records again, or give them up
    #[command(subcommand, disable_help_subcommand = true)]
    Dlq(DlqVerb),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Settings and options.
#[derive(Args, Debug, Default)]
pub(crate) struct SettingArgs {
    /// Set a setting (input=a.csv), an option of a stage (clean.batch=1000) or of the pipeline
    /// (pipeline.memory="64 MiB"); repeatable
    #[arg(long, value_name = "KEY=VALUE", allow_hyphen_values = true)]
    pub(crate) set: Vec<String>,
    /// Read settings and options from a TOML file; repeatable, the last one wins [env: ETL_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Vec<PathBuf>,
    /// CPU workers; the same as --set pipeline.threads=N
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<String>,
}

/// Logs.
#[derive(Args, Debug, Default)]
pub(crate) struct LogArgs {
    /// How logs are written: text on a terminal and JSON elsewhere, unless said otherwise
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "FORMAT",
        hide_possible_values = true,
        help = "How logs are written: auto, text, json"
    )]
    pub(crate) log_format: LogFormatArg,
    /// Log more: -v info, -vv debug, -vvv trace
    #[arg(short, long, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub(crate) verbose: u8,
    /// Log less: -q errors only, -qq nothing
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(crate) quiet: u8,
}

#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
    /// Stop reading after so many records
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// Do everything but load and write dead letters
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Replace an output that exists already
    #[arg(long)]
    pub(crate) replace: bool,
    /// Read from the beginning what earlier runs have read; refused where the target still holds what
    /// they loaded, unless `--replace`
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Go on where an earlier run stopped, though the program has changed since
    #[arg(long)]
    pub(crate) accept_changes: bool,
    /// How progress is shown: a bar on a terminal, a line every ten seconds elsewhere
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "HOW",
        hide_possible_values = true,
        help = "How progress is shown: auto, bar, plain, json, none"
    )]
    pub(crate) progress: ProgressArg,
    /// Write the report as JSON to a file, or to stdout (-)
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Where the pipeline keeps what it knows of its runs
    #[arg(
        long,
        value_name = "DIR",
        help = "Where the pipeline keeps what it knows of its runs [env: ETL_STATE_DIR] [default: .etl/<pipeline>]"
    )]
    pub(crate) state_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) logs: LogArgs,
}

#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
    /// Allow for an output that exists already, as `run --replace` would
    #[arg(long)]
    pub(crate) replace: bool,
    #[command(flatten)]
    pub(crate) logs: LogArgs,
}

#[derive(Args, Debug)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct RunsArgs {
    /// How many of the last runs
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) last: usize,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Where the pipeline keeps what it knows of its runs
    #[arg(
        long,
        value_name = "DIR",
        help = "Where the pipeline keeps what it knows of its runs [env: ETL_STATE_DIR] [default: .etl/<pipeline>]"
    )]
    pub(crate) state_dir: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct GraphArgs {
    /// How to draw
    #[arg(
        long,
        short,
        value_enum,
        default_value_t,
        value_name = "FORMAT",
        hide_possible_values = true,
        help = "How to draw: mermaid, dot, svg, json"
    )]
    pub(crate) format: FormatArg,
    /// Write to a file
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormatArg {
    #[default]
    Auto,
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressArg {
    #[default]
    Auto,
    Bar,
    Plain,
    Json,
    None,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArg {
    #[default]
    Mermaid,
    Dot,
    Svg,
    Json,
}

impl From<FormatArg> for Format {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Mermaid => Self::Mermaid,
            FormatArg::Dot => Self::Dot,
            FormatArg::Svg => Self::Svg,
            FormatArg::Json => Self::Json,
        }
    }
}

const AFTER_HELP: &str = "\
Settings come from (the last one wins) the pipeline's attributes, --config files, the environment,
flags; `plan` shows where each value came from. Relative paths start at the working directory.
Secrets belong in a file or in the environment: others on the machine can see the arguments.

Environment:
  ETL__SETTING           a setting, such as ETL__INPUT
  ETL__STAGE__OPTION     an option of a stage, such as ETL__CLEAN__BATCH
  ETL__PIPELINE__OPTION  an option of the pipeline, such as ETL__PIPELINE__MEMORY
  ETL_CONFIG             configuration files, separated as in PATH, where --config is not given
  ETL_STATE_DIR          see run --state-dir
  ETL_LOG, RUST_LOG      what is logged: warn, or info,my_crate=debug
  NO_COLOR               no colours

Exit codes:
  0         done
  1         failed
  2         wrong usage of the command line
  65        more errors than the pipeline tolerates
  70        what stages did outside of the process could not be undone
  74        storage: disk full, dead letters or report not written
  75        source or target away; try later
  78        settings, options or outputs that cannot be used; `check` failed
  101       a bug: a panic, or sums that do not add up
  130, 143  stopped by SIGINT, SIGTERM";

/// The command line of a binary.
pub(crate) fn command(entries: &[Entry], program: &str) -> Command {
    match entries {
        [entry] => of_pipeline(program.to_owned(), entry).version(kept(version(entry))).after_help(AFTER_HELP),
        entries => {
            let command =
                Command::new(kept(program.to_owned())).disable_help_subcommand(true).subcommand_required(true).arg_required_else_help(true);
            let command = command.subcommand_value_name("PIPELINE").subcommand_help_heading("Pipelines").after_help(AFTER_HELP);
            let version = entries.first().map_or_else(String::new, version);
            entries.iter().fold(command.version(kept(version)), |command, entry| command.subcommand(of_pipeline(kebab(entry.name), entry)))
        }
    }
}

/// The verbs of one pipeline.
fn of_pipeline(name: String, entry: &Entry) -> Command {
    let command = Command::new(kept(name)).disable_help_subcommand(true).subcommand_required(true).arg_required_else_help(true);
    Verb::augment_subcommands(command).about((entry.outline)().doc.trim())
}

/// clap keeps names that live as long as the process, which these few, made once, may.
fn kept(name: String) -> &'static str {
    name.leak()
}

fn version(entry: &Entry) -> String {
    let core = concat!("etl-core ", env!("CARGO_PKG_VERSION"));
    entry.version.map_or_else(|| format!("({core})"), |version| format!("{version} ({core})"))
}

/// Reads the arguments: which pipeline, and what to do.
pub(crate) fn parse(entries: &[Entry], program: &str, mut args: Vec<OsString>) -> Result<(usize, Verb), clap::Error> {
    let mut command = command(entries, program);
    if entries.len() == 1 {
        let matches = command.try_get_matches_from_mut(args).map_err(discreet)?;
        return Verb::from_arg_matches(&matches).map(|verb| (0, verb)).map_err(|error| error.format(&mut command));
    }
    // The name may be written as in the program, or with other hyphens and case.
    if let Some(name) = args.get_mut(1)
        && let Some(entry) = name.to_str().and_then(|name| entries.iter().find(|entry| same_name(entry.name, name)))
    {
        *name = kebab(entry.name).into();
    }
    let matches = command.try_get_matches_from_mut(args).map_err(discreet)?;
    let (name, verb) = matches.subcommand().ok_or_else(|| command.error(clap::error::ErrorKind::MissingSubcommand, "name a pipeline"))?;
    let index = entries.iter().position(|entry| kebab(entry.name) == name).unwrap_or(0);
    Verb::from_arg_matches(verb).map(|verb| (index, verb)).map_err(|error| error.format(&mut command))
}

/// The error without an argument that has no place: it may be the rest of a secret with a space in it
/// that was not quoted (I8).
fn discreet(mut error: clap::Error) -> clap::Error {
    use clap::error::{ContextKind, ContextValue};

    let stray = matches!(error.get(ContextKind::InvalidArg), Some(ContextValue::String(text)) if !text.starts_with('-'));
    if error.kind() == clap::error::ErrorKind::UnknownArgument && stray {
        error.insert(ContextKind::InvalidArg, ContextValue::String(crate::contract::record::MASK.to_owned()));
    }
    error
}

/// The name of the program, from its first argument.
pub(crate) fn program(args: &[OsString]) -> Option<String> {
    let name = Path::new(args.first()?).file_stem()?.to_str()?;
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_with_hyphens() {
        assert_eq!(
            ["flights", "daily-flights", "daily-flights", "eu2-orders"].map(str::to_owned),
            ["Flights", "DailyFlights", "daily_flights", "Eu2Orders"].map(kebab)
        );
    }
}
