//! The flags of `dlq`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{LogArgs, ProgressArg, SettingArgs};

/// What the operator wants of the dead letters.
#[derive(Debug, Subcommand)]
pub(crate) enum DlqVerb {
    /// Tell how many there are, by stage and reason
    List(ListArgs),
    /// Print single ones, and their records if asked to
    Show(ShowArgs),
    /// Run the pipeline over their records again; those that are loaded are dead letters no more
    Replay(ReplayArgs),
    /// Give them up for good
    Discard(DiscardArgs),
}

#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// List each letter
    #[arg(long)]
    pub(crate) all: bool,
    /// List the last N letters
    #[arg(long, value_name = "N", conflicts_with = "all")]
    pub(crate) limit: Option<usize>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,
    /// Print the records alone, as they are in the source; nothing in them is masked
    #[arg(long)]
    pub(crate) raw: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,
    /// How progress is shown
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
pub(crate) struct DiscardArgs {
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
}

/// Letters that have this in common.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct FilterArgs {
    /// Those of a stage
    #[arg(long, value_name = "STAGE")]
    pub(crate) stage: Option<String>,
    /// Those with a code, such as CleanError::BadTime
    #[arg(long, value_name = "CODE")]
    pub(crate) code: Option<String>,
    /// Those of a part of the source, such as a file
    #[arg(long, value_name = "NAME")]
    pub(crate) partition: Option<String>,
}

/// Which letters. Something must be said, lest a slip of the finger means all of them.
#[derive(Args, Clone, Debug, Default)]
#[group(required = true, multiple = true, args = ["ids", "all", "stage", "code", "partition"])]
pub(crate) struct ChoiceArgs {
    /// Their ids, as `dlq list --all` tells them, or how they begin
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// All of them
    #[arg(long, conflicts_with_all = ["ids", "stage", "code", "partition"])]
    pub(crate) all: bool,
}
